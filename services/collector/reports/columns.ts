import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Direction, Place } from '../search/places.ts'
import type { Severity } from '../ingest/severity.ts'
import type { ReportFilter, ReportRow } from './list.ts'

/** Conditions by the filter's member; each is served by an index. `none` is what `severity` is for reports without one. */
const CONDITIONS = {
  state: 'quarantined = :quarantined',
  severity: 'severity = :severity',
  none: 'severity IS NULL',
  policy_version: 'policyVersion = :policy_version',
  since: 'createdAt >= :since',
  until: 'createdAt <= :until',
} as const satisfies Partial<Record<keyof ReportFilter | 'none', string>>

type Column = keyof typeof CONDITIONS
const COLUMNS = ['state', 'severity', 'policy_version', 'since', 'until'] as const satisfies Column[]

const askedOf = (filter: ReportFilter): Column[] => COLUMNS.filter((member) => filter[member] !== undefined)

type Row = [
  ...[id: string, createdAt: number, updatedAt: number, severity: Severity | null, policyVersion: string | null],
  ...[quarantined: number, seq: number],
]

/** Pages of reports by the indexes of their columns. */
export function createColumnList(db: Database) {
  const prepared = new Map<string, ReturnType<typeof db.prepare<[object], Row>>>()
  const counts = new Map<string, ReturnType<typeof db.prepare<[object], number>>>()

  const whereOf = (asked: readonly Column[]) =>
    ['tenantId = :tenantId', ...asked.map((member) => CONDITIONS[member])].join(' AND ')

  const givenOf = (tenantId: Tenant, { state, severity, policy_version, since, until }: ReportFilter) => ({
    tenantId,
    quarantined: state === 'quarantined' ? 1 : 0,
    severity,
    policy_version,
    since,
    until,
  })

  return {
    /** What the writes have counted already; undefined when they count nothing of the kind. */
    keptCount(tenantId: Tenant, filter: ReportFilter): number | undefined {
      const { severity, state, ...rest } = filter
      if (Object.values(rest).some((value) => value !== undefined)) return undefined
      const where = whereOf(askedOf({ ...(severity && { severity }), ...(state && { state }) }))
      const count =
        counts.get(where) ??
        db.prepare<[object], number>(`SELECT coalesce(sum(reports), 0) FROM report_counts WHERE ${where}`).pluck()
      counts.set(where, count)
      return count.get(givenOf(tenantId, filter))
    },
    page(tenantId: Tenant, filter: ReportFilter, direction: Direction, limit: number, offset: number, after?: Place) {
      const order = direction === 'newest' ? 'DESC' : 'ASC'
      const isBeyond = direction === 'newest' ? '<' : '>'
      const where =
        whereOf(
          askedOf(filter).map((member) => (member === 'severity' && filter.severity === 'none' ? 'none' : member)),
        ) + (after === undefined ? '' : ` AND (createdAt, seq) ${isBeyond} (:at, :seq)`)
      const text = `SELECT id, createdAt, updatedAt, severity, policyVersion, quarantined, seq FROM reports WHERE ${where}
        ORDER BY createdAt ${order}, seq ${order} LIMIT :limit OFFSET :offset`
      // Arrays: to make objects of the rows here costs a fifth less than to have them made.
      const page = prepared.get(text) ?? db.prepare<[object], Row>(text).raw()
      prepared.set(text, page)
      const [at, seq] = after ?? []
      const given = { ...givenOf(tenantId, filter), at, seq, limit, offset: after === undefined ? offset : 0 }
      return page.all(given).map(([id, createdAt, updatedAt, severity, policyVersion, quarantined, seq]): ReportRow => {
        return { id, createdAt, updatedAt, severity, policyVersion, quarantined, seq }
      })
    },
  }
}
