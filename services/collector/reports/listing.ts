import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import { createFinder, type Wanted } from '../search/find.ts'
import type { Place } from '../search/places.ts'
import { createColumnList } from './columns.ts'
import {
  itemOf,
  labelOf,
  SEVERITY_ORDER,
  type Listed,
  type PageStart,
  type ReportFilter,
  type ReportRow,
} from './list.ts'

/** Beyond, SQLite would walk over all that comes before; the finder passes over whole blocks. */
const INDEX_OFFSET_MAX = 10_000

/** Lists of reports: by the indexes of their columns where one has it all, else by what they say. */
export function createListing(db: Database) {
  const finder = createFinder(db)
  const columns = createColumnList(db)
  const row = db.prepare<[number], ReportRow>(
    'SELECT id, createdAt, updatedAt, severity, policyVersion, quarantined, seq FROM reports WHERE seq = ?',
  )

  /** What of the filter is about terms; the time is in it, too. */
  function wantedOf(tenantId: Tenant, filter: ReportFilter): Wanted {
    const { state, severity, policy_version: policy, held, label, rule, target, text, since, until } = filter
    const all: number[][] = []
    if (severity !== undefined) all.push(finder.terms(tenantId, 'severity', severity, ''))
    if (policy !== undefined) all.push(finder.terms(tenantId, 'policy', policy, ''))
    const quarantined = state === undefined ? [] : finder.terms(tenantId, 'state', 'quarantined', '')
    if (state === 'quarantined') all.push(quarantined)
    const onHold = held === undefined ? [] : finder.terms(tenantId, 'state', 'held', '')
    if (held === true) all.push(onHold)
    if (label !== undefined) {
      const [name, value] = labelOf(label)
      all.push(finder.terms(tenantId, 'label', name, value))
    }
    // Together they are about one evaluation.
    if (rule !== undefined && target !== undefined) all.push(finder.terms(tenantId, 'place', rule, target))
    else if (rule !== undefined) all.push(finder.terms(tenantId, 'rule', rule))
    else if (target !== undefined) all.push(finder.terms(tenantId, 'target', target, ''))
    if (text !== undefined) all.push(finder.texts(tenantId, text))
    const not = [...(state === 'stored' ? quarantined : []), ...(held === false ? onHold : [])]
    return { all, not, since, until }
  }

  const rowsAt = (places: readonly Place[]): ReportRow[] =>
    places.map(([, seq]) => row.get(seq)).filter((found) => found !== undefined)

  function byTime(tenantId: Tenant, filter: ReportFilter, { sort, limit, offset, after }: PageStart): Listed {
    const isPlain = isByColumns(filter) && offset <= INDEX_OFFSET_MAX
    const kept = columns.keptCount(tenantId, filter)
    const found = isPlain && kept !== undefined ? undefined : finder.find(tenantId, wantedOf(tenantId, filter))
    const totalCount = kept ?? found?.count ?? 0
    const direction = sort === 'createdAt' ? 'oldest' : 'newest'
    const from = after === undefined ? undefined : ([after.at(-2), after.at(-1)] as unknown as Place)
    let rows: ReportRow[] = []
    if (isPlain && (from !== undefined || offset < totalCount)) {
      rows = columns.page(tenantId, filter, direction, limit + 1, offset, from)
    } else if (found !== undefined) {
      rows = rowsAt(found.page(direction, limit + 1, from === undefined ? offset : 0, from))
    }
    const last = rows.length > limit ? (rows[limit - 1] as ReportRow) : undefined
    return {
      reports: rows.slice(0, limit).map(itemOf),
      totalCount,
      ...(last === undefined ? {} : { next: [last.createdAt, last.seq] }),
    }
  }

  /** One severity after the other, each newest first. */
  function bySeverity(tenantId: Tenant, filter: ReportFilter, { sort, limit, offset, after }: PageStart): Listed {
    const order = sort === 'severity' ? SEVERITY_ORDER : [...SEVERITY_ORDER].reverse()
    const wanted = wantedOf(tenantId, filter)
    const begin = after === undefined ? 0 : order.indexOf(SEVERITY_ORDER[after[0] as number] ?? 'none')
    const rows: (ReportRow & { rank: number })[] = []
    let [totalCount, skip] = [0, after === undefined ? offset : 0]
    order.forEach((severity, at) => {
      const term = finder.terms(tenantId, 'severity', severity, '')
      const found = finder.find(tenantId, { ...wanted, all: [...wanted.all, term] })
      totalCount += found.count
      if (at < begin || rows.length > limit) return
      const from = after !== undefined && at === begin ? ([after[1], after[2]] as Place) : undefined
      const rank = SEVERITY_ORDER.indexOf(severity)
      const places = found.page('newest', limit + 1 - rows.length, skip, from)
      rows.push(...rowsAt(places).map((one) => ({ ...one, rank })))
      skip = Math.max(0, skip - found.count)
    })
    const last = rows.length > limit ? rows[limit - 1] : undefined
    return {
      reports: rows.slice(0, limit).map(itemOf),
      totalCount,
      ...(last === undefined ? {} : { next: [last.rank, last.createdAt, last.seq] }),
    }
  }

  /** A page of a tenant's reports, and the exact number of all; all of it of one moment. */
  return db.transaction((tenantId: Tenant, filter: ReportFilter, start: PageStart): Listed =>
    start.sort.endsWith('severity') ? bySeverity(tenantId, filter, start) : byTime(tenantId, filter, start),
  )
}

/** Whether one index has the reports in their order: beside the time, of one column at most. */
function isByColumns({ state, severity, policy_version, held, label, rule, target, text }: ReportFilter): boolean {
  const isSearched = [held, label, rule, target, text].some((member) => member !== undefined)
  const asked = [state, severity, policy_version].filter((member) => member !== undefined)
  return !isSearched && asked.length <= 1 && state !== 'stored'
}
