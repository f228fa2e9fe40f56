import type { Database } from '#shared/database.ts'
import { createTally } from './tally.ts'

export type Rollups = ReturnType<typeof createRollups>

/**
 * Counts that the timeline and the list would else make anew at every poll. They change in the transaction that changes the
 * reports, once for all reports of a transaction that count alike, and are what a recount would give.
 */
export function createRollups(db: Database) {
  const hour = db.prepare(
    `INSERT INTO report_hours VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET reports = reports + excluded.reports`,
  )
  const total = db.prepare(
    `INSERT INTO report_counts VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET reports = reports + excluded.reports`,
  )
  const emptyHour = db.prepare('DELETE FROM report_hours WHERE (tenantId, time, severity) = (?, ?, ?) AND reports = 0')

  /** Counts gathered in one write; `apply` stores them, within the same transaction. */
  function tally() {
    const { count, changes } = createTally()
    return {
      count,
      apply(): void {
        for (const { tenantId, time, severity, quarantined, by } of changes()) {
          hour.run(tenantId, time, severity, by)
          total.run(tenantId, quarantined, severity, by)
          if (by < 0) emptyHour.run(tenantId, time, severity)
        }
      },
    }
  }
  return { tally }
}
