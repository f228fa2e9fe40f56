import { CLOCK_SKEW_MAX_MS } from './limits.ts'
import type { Problem } from './run.ts'
import type { Contract } from './targets.ts'

/** A field that an answer must have. `is` fixes its value; a dot in the name goes into the object. */
export interface Field {
  name: string
  type: 'string' | 'number' | 'boolean' | 'object' | 'time'
  is?: string | number | boolean
}

const status = (is: string): Field => ({ name: 'status', type: 'string', is })
const service = (is: string): Field => ({ name: 'service', type: 'string', is })
const database: Field = { name: 'database', type: 'string', is: 'connected' }
const timestamp: Field = { name: 'timestamp', type: 'time' }
const uptime: Field = { name: 'uptime', type: 'number' }

/** What `/health` on the main port must say, by contract. */
export const HEALTH_FIELDS: Record<Contract, readonly Field[]> = {
  gateway: [
    status('healthy'),
    service('api-gateway'),
    timestamp,
    uptime,
    { name: 'port', type: 'number' },
    { name: 'upstreams', type: 'object' },
  ],
  calendar: [status('healthy'), service('calendar-service'), timestamp, database, uptime],
  diary: [status('healthy'), service('diary-service'), timestamp, database, uptime],
  collector: [status('ok'), service('collector'), database],
  identity: [status('healthy'), service('identity-service'), timestamp, database, uptime],
  any: [],
}

const detailFields: readonly Field[] = [
  { name: 'version', type: 'string' },
  uptime,
  { name: 'ready', type: 'boolean', is: true },
  { name: 'process.pid', type: 'number' },
  { name: 'process.rss_bytes', type: 'number' },
  { name: 'process.heap_used_bytes', type: 'number' },
  { name: 'process.event_loop_delay_ms.p99', type: 'number' },
]
const storageFields: readonly Field[] = ['file_bytes', 'wal_bytes', 'disk_free_bytes', 'disk_total_bytes'].map(
  (name) => ({ name: `storage.${name}`, type: 'number' }),
)

/** What `/health` on the admin port must tell. */
const DETAIL_FIELDS: Record<Contract, readonly Field[]> = {
  gateway: detailFields,
  calendar: [...detailFields, ...storageFields],
  diary: [...detailFields, ...storageFields],
  collector: detailFields,
  identity: [...detailFields, ...storageFields],
  any: [],
}

/** The fields that a document of `contract` must have: the collector has a file unless it uses a server. */
export const detailFieldsOf = (contract: Contract, document: unknown): readonly Field[] =>
  contract === 'collector' && valueAt(document, 'storage') !== undefined
    ? [...DETAIL_FIELDS[contract], ...storageFields]
    : DETAIL_FIELDS[contract]

/** The value at a dotted name; undefined when a part of the way is missing. */
export function valueAt(document: unknown, name: string): unknown {
  let value = document
  for (const key of name.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined
    value = (value as Record<string, unknown>)[key]
  }
  return value
}

const nameOfType = (value: unknown) => (value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value)
const shown = (value: unknown) => String(typeof value === 'object' ? nameOfType(value) : value).slice(0, 80)

/** What is wrong with one field of a document, undefined when it is as it must be. */
export function faultOf(document: unknown, { name, type, is }: Field, now: number): Problem | undefined {
  const value = valueAt(document, name)
  if (value === undefined) return { code: 'field-missing', values: { field: name } }
  const isTime = type === 'time' && typeof value === 'string' && !Number.isNaN(Date.parse(value))
  const fits = type === 'time' ? isTime : nameOfType(value) === type && (type !== 'number' || Number.isFinite(value))
  if (!fits) {
    const got = nameOfType(value) === type || type === 'time' ? shown(value) : nameOfType(value)
    return { code: 'field-type', values: { field: name, expected: type === 'time' ? 'ISO 8601' : type, got } }
  }
  if (type === 'time' && Math.abs(Date.parse(value as string) - now) > CLOCK_SKEW_MAX_MS) {
    return { code: 'field-value', values: { field: name, expected: new Date(now).toISOString(), got: shown(value) } }
  }
  if (is !== undefined && value !== is) {
    return { code: 'field-value', values: { field: name, expected: shown(is), got: shown(value) } }
  }
  return undefined
}
