import type { Severity } from '../ingest/severity.ts'

/** Sizes of buckets, in milliseconds. */
export const BUCKET_MS = { '5m': 300_000, '1h': 3_600_000, '1d': 86_400_000 } as const
export type BucketSize = keyof typeof BUCKET_MS

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
  rules: ReadonlyMap<string, Severity>
}

/** So many reports more, or fewer, in a bucket; `size` and `time` in milliseconds. */
export interface SeriesChange {
  tenantId: string
  dimension: Dimension | 'all'
  name: string
  size: number
  time: number
  none: number
  info: number
  warn: number
  block: number
}

const FINE = BUCKET_MS['5m']

/** Gathers what a write changes of the buckets: by the smallest, and of the others when everything is there. */
export function createSeriesTally(now: number) {
  const fine = new Map<string, SeriesChange>()

  function changeIn(changes: Map<string, SeriesChange>, of: Omit<SeriesChange, Severity | 'none'>): SeriesChange {
    const { tenantId, dimension, name, size, time } = of
    const key = `${size} ${time} ${dimension} ${name}\n${tenantId}`
    const known = changes.get(key)
    if (known !== undefined) return known
    const fresh = { tenantId, dimension, name, size, time, none: 0, info: 0, warn: 0, block: 0 }
    changes.set(key, fresh)
    return fresh
  }

  return {
    /** @param by how many reports more, or fewer when it is negative */
    add(
      { tenantId, createdAt }: Pick<Counted, 'tenantId' | 'createdAt'>,
      dimension: SeriesChange['dimension'],
      name: string,
      severity: Severity | undefined,
      by: number,
    ): void {
      const time = Math.floor(createdAt / FINE) * FINE
      changeIn(fine, { tenantId, dimension, name, size: FINE, time })[severity ?? 'none'] += by
    },
    changes(): SeriesChange[] {
      const all = new Map<string, SeriesChange>()
      for (const one of fine.values()) {
        for (const size of Object.values(BUCKET_MS)) {
          if (size === FINE && one.time < now - FINE_MS) continue
          const sum = changeIn(all, { ...one, size, time: Math.floor(one.time / size) * size })
          for (const severity of ['none', 'info', 'warn', 'block'] as const) sum[severity] += one[severity]
        }
      }
      return [...all.values()]
    },
  }
}
