import { ConfigError } from '#shared/config.ts'
import { SYSTEM_TENANT } from '#shared/permissions.ts'
import { asTenant, type Tenant } from '#shared/scope.ts'
import Joi from 'joi'
import { readFileSync } from 'node:fs'
import { nameMember, parseRule, type Rule } from './schema.ts'

/** A rule and whose it is. */
export interface OwnedRule {
  tenantId: Tenant
  rule: Rule
}

const RULES_MAX = 1000

const fileSchema = Joi.object<{ rules: Record<string, unknown>[] }>({
  rules: Joi.array().items(Joi.object().unknown()).max(RULES_MAX).required(),
}).required()
const headSchema = Joi.object<{ name: string; tenant: string }>({
  name: nameMember().required(),
  tenant: Joi.string().max(255).default(SYSTEM_TENANT),
}).unknown()
const PLAIN = { errors: { wrap: { label: false } } } as const

function read(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new ConfigError([`ALERT_RULES_FILE: ${file}: ${(error as Error).message}`])
  }
}

/**
 * The rules of a file, `{"rules": [{"name", "tenant"?, "kind", ...}]}`.
 * @throws ConfigError with a line for each fault, naming the member
 */
export function readRulesFile(file: string | undefined): OwnedRule[] {
  if (file === undefined) return []
  const content = fileSchema.validate(read(file), PLAIN)
  if (content.error !== undefined) throw new ConfigError([`ALERT_RULES_FILE: ${content.error.message}`])
  const faults: string[] = []
  const names = new Set<string>()
  const rules = content.value.rules.flatMap((given, at): OwnedRule[] => {
    const complain = (member: string, message: string) =>
      faults.push(`ALERT_RULES_FILE: rules[${at}]${member === '' ? '' : `.${member}`}: ${message}`)
    const head = headSchema.validate(given, PLAIN)
    if (head.error !== undefined) {
      complain(head.error.details[0]?.path.join('.') ?? '', head.error.message)
      return []
    }
    const { name, tenant } = head.value
    const { name: _name, tenant: _tenant, ...members } = given
    const parsed = parseRule(members, tenant)
    if ('faults' in parsed) {
      for (const { field, message } of parsed.faults) complain(field, message)
      return []
    }
    if (names.has(`${tenant} ${name}`)) complain('name', `there are two rules ${JSON.stringify(name)}`)
    names.add(`${tenant} ${name}`)
    return [{ tenantId: asTenant(tenant), rule: { ...parsed.rule, name } }]
  })
  if (faults.length > 0) throw new ConfigError(faults)
  return rules
}
