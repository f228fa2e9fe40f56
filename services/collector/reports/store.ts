import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Severity } from '../ingest/severity.ts'
import type { Listed, PageStart, ReportFilter } from './list.ts'
import { createListing } from './listing.ts'

export interface StoredReport {
  id: string
  tenantId: string
  createdAt: number
  updatedAt: number
  severity: Severity | null
  policyVersion: string | null
  markdown: string | null
  /** JSON text of what does not fit its schema; null for a report that fits. */
  errors: string | null
  /** JSON text as it was stored. */
  report: string
}

/** A report with its place in the order of arrival. */
export type ScannedReport = StoredReport & { seq: number }

export type ReportStore = ReturnType<typeof createReportStore>

export function createReportStore(db: Database) {
  const get = db.prepare<[string, string], StoredReport>(
    `SELECT id, tenantId, createdAt, updatedAt, severity, policyVersion, markdown, report, errors
     FROM reports WHERE id = ? AND tenantId = ?`,
  )
  const owner = db.prepare<[string], Tenant>('SELECT tenantId FROM reports WHERE id = ?').pluck()
  const scan = db.prepare<[string, number, number, number, number], ScannedReport>(
    `SELECT id, tenantId, createdAt, updatedAt, severity, policyVersion, markdown, report, errors, seq FROM reports
     WHERE tenantId = ? AND createdAt <= ? AND (createdAt, seq) > (?, ?) ORDER BY createdAt, seq LIMIT ?`,
  )
  const list = createListing(db)

  return {
    /** A page of a tenant's reports. @throws Problem invalid-input for a text that cannot be searched */
    list: (tenantId: Tenant, filter: ReportFilter, start: PageStart): Listed => list(tenantId, filter, start),
    get: (tenantId: Tenant, id: string): StoredReport | undefined => get.get(id, tenantId),
    /**
     * Whole reports of a time (inclusive, milliseconds since 1970), oldest first, a page at a time.
     * @param after createdAt and seq of the last report of the page before
     */
    scan: (
      tenantId: Tenant,
      { since, until }: { since: number; until: number },
      limit: number,
      [createdAt, seq]: readonly [number, number] = [since - 1, Number.MAX_SAFE_INTEGER],
    ): ScannedReport[] => scan.all(tenantId, until, createdAt, seq, limit),
    /** The tenant whose report this is. */
    ownerOf: (id: string): Tenant | undefined => owner.get(id),
  }
}
