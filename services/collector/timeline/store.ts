import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import { HOUR_MS } from '../rollups/tally.ts'

/** Reports of one hour (UTC), each counted once, in its severity. */
export interface Bucket {
  /** Begin of the hour, milliseconds since 1970. */
  time: number
  info: number
  warn: number
  block: number
}

/** The hours of a window: the one that `now` is in, and the `hours` before it. */
export function windowOf(hours: number, now: number) {
  const last = Math.floor(now / HOUR_MS) * HOUR_MS
  const first = last - hours * HOUR_MS
  return {
    first,
    last,
    /** All hours, those too in which there was nothing. */
    fill(buckets: readonly Bucket[]): Bucket[] {
      const found = new Map(buckets.map((bucket) => [bucket.time, bucket]))
      return Array.from({ length: hours + 1 }, (_, index) => {
        const time = first + index * HOUR_MS
        return found.get(time) ?? { time, info: 0, warn: 0, block: 0 }
      })
    },
  }
}

export type TimelineStore = ReturnType<typeof createTimelineStore>

export function createTimelineStore(db: Database) {
  const counts = db.prepare<[string, number, number], Bucket>(
    `SELECT time,
       coalesce(sum(reports) FILTER (WHERE severity IN ('info', 'none')), 0) AS info,
       coalesce(sum(reports) FILTER (WHERE severity = 'warn'), 0) AS warn,
       coalesce(sum(reports) FILTER (WHERE severity = 'block'), 0) AS block
     FROM report_hours WHERE tenantId = ? AND time BETWEEN ? AND ? GROUP BY time`,
  )
  return {
    /**
     * The hours of a window without gaps, oldest first: the hour that `now` is in, and the `hours` before it, so that
     * every report of the last `hours` hours is counted. A report that says no severity counts as info.
     * @param now milliseconds since 1970
     */
    buckets(tenantId: Tenant, hours: number, now: number): Bucket[] {
      const { first, last, fill } = windowOf(hours, now)
      return fill(counts.all(tenantId, first, last))
    },
  }
}
