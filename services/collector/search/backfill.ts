import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import { createSeries } from '../rollups/series.ts'
import type { Severity } from '../ingest/severity.ts'
import { TIMELINE_NAMES_DEFAULT } from '../timeline/settings.ts'
import { createSearchRecord } from './record.ts'
import { saidIn } from './terms.ts'

interface Row {
  seq: number
  tenantId: Tenant
  createdAt: number
  severity: Severity | null
  policyVersion: string | null
  quarantined: number
  labels: string | null
  report: string
}

const PAGE = 1000

const recordOf = (db: Database) =>
  createSearchRecord(db, createSeries(db, { TIMELINE_NAMES_MAX: TIMELINE_NAMES_DEFAULT }))

/** Makes reports that are there already findable, and counts them by rule and policy version: some 30 µs each. */
export function findStoredReports(db: Database): void {
  const search = recordOf(db)
  const page = db.prepare<[number, number], Row>(
    `SELECT seq, tenantId, createdAt, severity, policyVersion, quarantined, labels, report FROM reports
     WHERE seq > ? ORDER BY seq LIMIT ?`,
  )
  for (let last = 0; ;) {
    const rows = page.all(last, PAGE)
    if (rows.length === 0) return
    const session = search.session()
    for (const row of rows) {
      session.add(row.seq, {
        tenantId: row.tenantId,
        createdAt: row.createdAt,
        severity: row.severity ?? undefined,
        policyVersion: row.policyVersion ?? undefined,
        errors: row.quarantined === 1 ? [row.seq] : [],
        keptLabels: row.labels === null ? undefined : (JSON.parse(row.labels) as Record<string, string>),
        // They are looked at when all reports are there.
        hold: undefined,
        said: saidIn(row.report),
      })
    }
    session.apply()
    last = (rows.at(-1) as Row).seq
  }
}

/** Makes reports that are on hold already findable by that. */
export function findHeldReports(db: Database): void {
  const search = recordOf(db)
  const held = db
    .prepare<[], Pick<Row, 'seq' | 'tenantId'>>(
      `SELECT r.seq, r.tenantId FROM report_holds h JOIN reports r ON r.id = h.reportId AND r.tenantId = h.tenantId`,
    )
    .all()
  for (const { tenantId, seq } of held) search.mark(tenantId, seq, 'held', true)
}
