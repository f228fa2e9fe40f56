import type { Database } from '#shared/database.ts'
import type { Severity } from '../ingest/severity.ts'

export const HOUR_MS = 3_600_000

/** What a report counts by. */
export interface Countable {
  tenantId: string
  /** Milliseconds since 1970. */
  createdAt: number
  severity: Severity | null | undefined
  /** 0 or 1, as it is stored. */
  quarantined: number
}

export type Rollups = ReturnType<typeof createRollups>

interface Change extends Countable {
  by: number
}

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
    const changes = new Map<string, Change>()
    return {
      count(report: Countable, by: 1 | -1): void {
        const { tenantId, quarantined } = report
        const time = Math.floor(report.createdAt / HOUR_MS) * HOUR_MS
        const severity = report.severity ?? undefined
        const key = `${time} ${severity} ${quarantined} ${tenantId}`
        const known = changes.get(key)
        if (known === undefined) changes.set(key, { tenantId, createdAt: time, severity, quarantined, by })
        else known.by += by
      },
      apply(): void {
        for (const { tenantId, createdAt, severity = 'none', quarantined, by } of changes.values()) {
          if (by === 0) continue
          hour.run(tenantId, createdAt, severity, by)
          total.run(tenantId, quarantined, severity, by)
          if (by < 0) emptyHour.run(tenantId, createdAt, severity)
        }
      },
    }
  }
  return { tally }
}
