import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Severity } from '../ingest/severity.ts'
import type { ReportFilter, State } from './schema.ts'

export interface ReportItem {
  id: string
  createdAt: number
  updatedAt: number
  severity?: Severity
  policyVersion?: string
  /** Only of those that do not fit their schema. */
  state?: State
}

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

/** Where a page of a list begins. */
export interface PageStart {
  limit: number
  offset: number
  /** createdAt and seq of the report before it. */
  after?: readonly [createdAt: number, seq: number]
}

/** A report with its place in the order of arrival. */
export type ScannedReport = StoredReport & { seq: number }

export type ReportStore = ReturnType<typeof createReportStore>

export type ReportRow = Omit<ReportItem, 'severity' | 'policyVersion' | 'state'> & {
  quarantined: number
  seq: number
  severity: Severity | null
  policyVersion: string | null
}

/** Conditions by the filter's member; each is served by an index. */
const CONDITIONS = {
  state: 'quarantined = :quarantined',
  severity: 'severity = :severity',
  policy_version: 'policyVersion = :policy_version',
  since: 'createdAt >= :since',
  until: 'createdAt <= :until',
} as const satisfies Record<keyof ReportFilter, string>

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
  const prepared = new Map<string, ReturnType<typeof prepare>>()

  function prepare(where: string, count: string) {
    return {
      count: db.prepare<[object], number>(count).pluck(),
      page: db.prepare<[object], ReportRow>(
        `SELECT id, createdAt, updatedAt, severity, policyVersion, quarantined, seq FROM reports WHERE ${where}
         ORDER BY createdAt DESC, seq DESC LIMIT :limit OFFSET :offset`,
      ),
      after: db.prepare<[object], ReportRow>(
        `SELECT id, createdAt, updatedAt, severity, policyVersion, quarantined, seq FROM reports
         WHERE ${where} AND (createdAt, seq) < (:createdAt, :seq)
         ORDER BY createdAt DESC, seq DESC LIMIT :limit`,
      ),
    }
  }

  /** One set of statements for each combination of filters: there are 32. */
  function statements(filter: ReportFilter) {
    const members = Object.keys(CONDITIONS) as (keyof ReportFilter)[]
    const asked = members.filter((member) => filter[member] !== undefined)
    const where = ['tenantId = :tenantId', ...asked.map((member) => CONDITIONS[member])].join(' AND ')
    // Counting a million index entries takes tens of milliseconds; what most callers ask for is kept by the writes.
    const isKept = asked.every((member) => member === 'severity' || member === 'state')
    const counted = isKept ? 'coalesce(sum(reports), 0) FROM report_counts' : 'count(*) FROM reports'
    const known = prepared.get(where) ?? prepare(where, `SELECT ${counted} WHERE ${where}`)
    prepared.set(where, known)
    return known
  }

  return {
    /**
     * A page of a tenant's reports, newest first.
     * @returns at most `limit` items, the exact number of all, and the sort key of the last item when more follow
     */
    list(tenantId: Tenant, filter: ReportFilter, { limit, offset, after }: PageStart) {
      const { count, page, after: pageAfter } = statements(filter)
      const { state, severity, policy_version, since, until } = filter
      const quarantined = state === 'quarantined' ? 1 : 0
      const given = { tenantId, quarantined, severity, policy_version, since, until }
      const totalCount = count.get(given) as number
      const one = limit + 1
      let rows: ReportRow[] = []
      if (after !== undefined) rows = pageAfter.all({ ...given, createdAt: after[0], seq: after[1], limit: one })
      else if (offset < totalCount) rows = page.all({ ...given, limit: one, offset })
      const last = rows.length > limit ? (rows[limit - 1] as ReportRow) : undefined
      return {
        reports: rows.slice(0, limit).map(itemOf),
        totalCount,
        ...(last === undefined ? {} : { next: [last.createdAt, last.seq] as const }),
      }
    },
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

export const itemOf = ({ id, createdAt, updatedAt, severity, policyVersion, quarantined }: ReportRow): ReportItem => ({
  id,
  createdAt,
  updatedAt,
  ...(severity === null ? {} : { severity }),
  ...(policyVersion === null ? {} : { policyVersion }),
  ...(quarantined === 0 ? {} : { state: 'quarantined' as const }),
})
