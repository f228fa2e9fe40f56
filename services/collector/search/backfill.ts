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

/** Makes reports that are there already findable, and counts them by rule and policy version: some 30 µs each. */
export function findStoredReports(db: Database): void {
  const search = createSearchRecord(db, createSeries(db, { TIMELINE_NAMES_MAX: TIMELINE_NAMES_DEFAULT }))
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
        said: saidIn(row.report),
      })
    }
    session.apply()
    last = (rows.at(-1) as Row).seq
  }
}
