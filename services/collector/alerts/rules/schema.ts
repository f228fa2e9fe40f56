import { SYSTEM_TENANT } from '#shared/permissions.ts'
import type { FieldError } from '#shared/problem.ts'
import Joi from 'joi'
import { durationMember } from '../duration.ts'
import { LEVELS, type Level } from '../levels.ts'

/** What every rule has. */
export interface RuleBase {
  level: Level
  /** How long it must hold before it fires, and how long it must be over before it is resolved. */
  for: string
  keepFiringFor: string
  /** On its alerts; they decide which alerts are the same. */
  labels: Record<string, string>
  /** Names of the only channels that hear of it; without, those for its level do. */
  channels?: string[]
  /** What to do about it. */
  runbook?: string
}

export interface BlockFindings {
  kind: 'block_findings'
  window: string
  count: number
  percent: number
  rule?: string
  target?: string
}
export interface ErrorRate {
  kind: 'error_rate'
  of: 'requests' | 'ingest'
  window: string
  percent: number
  least: number
}
export interface Latency {
  kind: 'latency'
  of: 'requests' | 'ingest'
  window: string
  p99Ms: number
  least: number
}
export interface Capacity {
  kind: 'capacity'
  diskFreePercent?: number
  queuePercent?: number
  storagePercent?: number
}
export interface DatabaseLost {
  kind: 'database_lost'
}
export interface RateLimited {
  kind: 'rate_limited'
  window: string
  count: number
}
export interface NoReport {
  kind: 'no_report'
  hours: number
}

export type RuleInput = RuleBase &
  (BlockFindings | ErrorRate | Latency | Capacity | DatabaseLost | RateLimited | NoReport)
export type RuleKind = RuleInput['kind']
export type Rule = RuleInput & { name: string }

const NAME = /^[\w.-]{1,64}$/
const LABEL_MAX = 10
const LABEL_LENGTH = 64
const TEXT_MAX = 1000
const URL_MAX = 2000
const CHANNELS_MAX = 20

export const nameMember = () =>
  Joi.string().pattern(NAME).messages({ 'string.pattern.base': '{{#label}} must be 1 to 64 of A-Z a-z 0-9 _ . -' })

const base = {
  level: Joi.string()
    .valid(...LEVELS)
    .required(),
  for: durationMember('0s', '30d').default('0s'),
  keepFiringFor: durationMember('0s', '30d').default('0s'),
  labels: Joi.object()
    .pattern(/^[A-Za-z_]\w{0,63}$/, Joi.string().max(LABEL_LENGTH))
    .max(LABEL_MAX)
    .default({}),
  channels: Joi.array().items(nameMember()).unique().min(1).max(CHANNELS_MAX),
  runbook: Joi.string()
    .uri({ scheme: ['https', 'http'] })
    .max(URL_MAX),
}
const window = (standard: string) => durationMember('1m', '1d').default(standard)
const percent = () => Joi.number().min(0).max(100)
const of = Joi.string().valid('requests', 'ingest').default('requests')
const least = Joi.number().integer().min(1).max(1e9).default(20)

/** The members of each kind. A default is what the product recommends. */
const KINDS = {
  block_findings: {
    window: window('1h'),
    count: Joi.number().integer().min(1).max(1e6).default(10),
    percent: Joi.number().min(0).max(100_000).default(50),
    // As findings have them.
    rule: Joi.string().normalize('NFC').max(TEXT_MAX),
    target: Joi.string().normalize('NFC').max(TEXT_MAX),
  },
  error_rate: { of, window: window('5m'), percent: percent().default(5), least },
  latency: { of, window: window('5m'), p99Ms: Joi.number().positive().max(600_000).default(500), least },
  capacity: { diskFreePercent: percent(), queuePercent: percent(), storagePercent: percent() },
  database_lost: {},
  rate_limited: { window: window('15m'), count: Joi.number().integer().min(1).max(1e9).default(1) },
  no_report: { hours: Joi.number().positive().max(8760).required() },
} as const satisfies Record<RuleKind, Joi.PartialSchemaMap>

export const RULE_KINDS = Object.keys(KINDS) as RuleKind[]
/** What they watch is everybody's. */
const OF_THE_SYSTEM: ReadonlySet<RuleKind> = new Set(['error_rate', 'latency', 'capacity', 'database_lost'])

const kindMember = Joi.string()
  .valid(...RULE_KINDS)
  .required()
const schemas = new Map<string, Joi.ObjectSchema>(
  RULE_KINDS.map((kind) => {
    const schema = Joi.object({ ...base, kind: kindMember, ...KINDS[kind] })
    return [kind, kind === 'capacity' ? schema.or(...Object.keys(KINDS.capacity)) : schema]
  }),
)

/**
 * A rule as it counts, with its defaults, or what is wrong with it.
 * @param tenant whose rule it is: what the system does is watched by its own tenant
 */
export function parseRule(given: unknown, tenant: string): { rule: RuleInput } | { faults: FieldError[] } {
  const kind = Joi.object({ kind: kindMember })
    .unknown()
    .required()
    .label('rule')
    .validate(given, { errors: { wrap: { label: false } } })
  const { kind: named } = (kind.value ?? {}) as { kind: RuleKind }
  const checked =
    kind.error === undefined
      ? (schemas.get(named) as Joi.ObjectSchema)
          .label('rule')
          .validate(given, { abortEarly: false, errors: { wrap: { label: false } } })
      : kind
  const faults = (checked.error?.details ?? []).map(({ path, message }) => ({
    in: 'body',
    field: path.join('.'),
    message,
  }))
  if (faults.length === 0 && OF_THE_SYSTEM.has(named) && tenant !== SYSTEM_TENANT) {
    faults.push({ in: 'body', field: 'kind', message: `kind ${named} is for the tenant ${SYSTEM_TENANT} only` })
  }
  return faults.length > 0 ? { faults } : { rule: checked.value as RuleInput }
}
