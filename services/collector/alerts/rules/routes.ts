import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Tenant } from '#shared/scope.ts'
import Joi from 'joi'
import type { Stores } from '../../engine/engine.ts'
import { timeMember } from '../../parameters.ts'
import type { Writer } from '../../writer/queue.ts'
import { noSuchRule } from '../commands.ts'
import { ruleItem } from '../items.ts'
import type { OwnedRule } from './file.ts'
import { nameMember, parseRule, RULE_KINDS } from './schema.ts'

interface RuleParts {
  store: Stores['alerts']
  writer: Writer
  /** Of the file: they are shown, and changed only there. */
  fixed: readonly OwnedRule[]
}

const tags = ['alerts']
const ruleParams = Joi.object<{ name: string }, true>({ name: nameMember().required() })
const ruleBody = Joi.object<Record<string, unknown>>({
  kind: Joi.string()
    .valid(...RULE_KINDS)
    .required(),
}).unknown()
const ruleSchema = Joi.object({
  name: Joi.string().required(),
  source: Joi.string().valid('file', 'api').required(),
  kind: Joi.string()
    .valid(...RULE_KINDS)
    .required(),
  createdAt: timeMember().optional(),
  updatedAt: timeMember().optional(),
}).unknown()
const listSchema = Joi.object({ rules: Joi.array().items(ruleSchema).required() })

const fileItem = ({ rule: { name, ...rest } }: OwnedRule) => ({ name, source: 'file', ...rest })

export const ruleRoutes =
  ({ store, writer, fixed }: RuleParts) =>
  async (app: App) => {
    const fixedOf = (tenant: Tenant, name: string) =>
      fixed.find(({ tenantId, rule }) => tenantId === tenant && rule.name === name)
    const requireOwn = (tenant: Tenant, name: string) => {
      if (fixedOf(tenant, name) === undefined) return
      throw new Problem('conflict', { detail: `The rule ${name} is of ALERT_RULES_FILE and changed there` })
    }

    app.get(
      '/alerts/rules',
      { schema: { tags, summary: "The tenant's rules of alerts", response: { 200: listSchema } } },
      async (request) => {
        const { tenant } = request.caller
        const own = fixed.filter(({ tenantId }) => tenantId === tenant).map(fileItem)
        return { rules: [...own, ...(await store.rules(tenant)).map(ruleItem)] }
      },
    )

    app.get(
      '/alerts/rules/:name',
      { schema: { tags, summary: 'A rule of alerts', params: ruleParams, response: { 200: ruleSchema } } },
      async (request) => {
        const { tenant } = request.caller
        const ofFile = fixedOf(tenant, request.params.name)
        if (ofFile !== undefined) return fileItem(ofFile)
        const found = await store.rule(tenant, request.params.name)
        if (found === undefined) throw noSuchRule()
        return ruleItem(found)
      },
    )

    app.put(
      '/alerts/rules/:name',
      {
        schema: {
          tags,
          summary: 'Make or replace a rule of alerts',
          description: 'What members each kind has is in docs/collector-alerts.md; If-Match keeps others’ changes.',
          params: ruleParams,
          body: ruleBody,
          response: { 200: ruleSchema, 201: ruleSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { name } = request.params
        requireOwn(tenant, name)
        const parsed = parseRule(request.body, tenant)
        if ('faults' in parsed) {
          const { faults } = parsed
          throw new Problem('invalid-input', { detail: faults.map((one) => one.message).join('; '), errors: faults })
        }
        const now = Date.now()
        const stored = { name, rule: parsed.rule, createdAt: now, updatedAt: now }
        const { 'if-match': ifMatch } = request.headers
        await writer.answer(request, reply, tenant, ['putAlertRule', tenant, stored, ifMatch])
        return reply
      },
    )

    app.delete(
      '/alerts/rules/:name',
      {
        schema: {
          tags,
          summary: 'Delete a rule of alerts',
          description: 'Its alerts are over then.',
          params: ruleParams,
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { name } = request.params
        requireOwn(tenant, name)
        const { 'if-match': ifMatch } = request.headers
        await writer.answer(request, reply, tenant, ['removeAlertRule', tenant, name, ifMatch])
        return reply
      },
    )
  }
