import type { Severity } from '../ingest/severity.ts'

/** Sizes of buckets, in milliseconds. */
export const BUCKET_MS = { '5m': 300_000, '1h': 3_600_000, '1d': 86_400_000 } as const
export type BucketSize = keyof typeof BUCKET_MS
export const BUCKET_SIZES = Object.keys(BUCKET_MS) as BucketSize[]

/** Buckets of 5 minutes are kept for so long: nobody looks at them afterwards, and there are many. */
export const FINE_MS = 48 * BUCKET_MS['1h']

/** What reports are counted by beside all together. */
export const DIMENSIONS = ['rule', 'policy_version'] as const
export type Dimension = (typeof DIMENSIONS)[number]

/** Under which everything is counted for which there was no place. */
export const OTHER = ''

/** What a report counts in. */
export interface Counted {
  tenantId: string
  /** Milliseconds since 1970. */
  createdAt: number
  severity: Severity | undefined
  policyVersion: string | undefined
  /** Each with the worst that it said. */
  rules: Iterable<readonly [rule: string, severity: Severity]>
}

export interface SeriesKey {
  tenantId: string
  dimension: Dimension | 'all'
  name: string
  size: number
  time: number
}

export type SeriesChange = SeriesKey & Record<'none' | Severity, number>

/** Gathers what a write changes of the buckets. */
export function createSeriesTally(now: number) {
  const changes = new Map<string, SeriesChange>()

  function add(
    key: Omit<SeriesKey, 'size' | 'time'>,
    createdAt: number,
    severity: Severity | 'none',
    by: number,
  ): void {
    for (const size of Object.values(BUCKET_MS)) {
      if (size === BUCKET_MS['5m'] && createdAt < now - FINE_MS) continue
      const time = Math.floor(createdAt / size) * size
      const text = `${size} ${time} ${key.dimension} ${key.name}\n${key.tenantId}`
      const known = changes.get(text) ?? { ...key, size, time, none: 0, info: 0, warn: 0, block: 0 }
      changes.set(text, known)
      known[severity] += by
    }
  }

  return {
    count({ tenantId, createdAt, severity, policyVersion, rules }: Counted, by: 1 | -1): void {
      add({ tenantId, dimension: 'all', name: '' }, createdAt, severity ?? 'none', by)
      if (policyVersion !== undefined) {
        add({ tenantId, dimension: 'policy_version', name: policyVersion }, createdAt, severity ?? 'none', by)
      }
      for (const [rule, worst] of rules) add({ tenantId, dimension: 'rule', name: rule }, createdAt, worst, by)
    },
    changes: (): SeriesChange[] => [...changes.values()],
  }
}
