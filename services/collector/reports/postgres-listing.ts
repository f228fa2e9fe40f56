import { invalidField } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Access } from '../postgres/pool.ts'
import { and, columns, joined, raw, sql, type Statement } from '../postgres/sql.ts'
import { NOT_HELD } from '../retention/holds/postgres.ts'
import { TEXTS_MAX } from '../search/find.ts'
import { gramsOf, wantedWays } from '../search/grams.ts'
import { IS_HELD, QUARANTINED, termOf } from '../search/postgres-terms.ts'
import {
  itemOf,
  labelOf,
  SEVERITY_ORDER,
  type Listed,
  type PageStart,
  type ReportFilter,
  type ReportRow,
} from './list.ts'

const LISTED = columns('id', 'createdAt', 'updatedAt', 'severity', 'policyVersion', 'quarantined', 'seq')

/** What is listed: rows of the reports themselves, or of what they say. */
interface Source {
  table: 'reports' | 'search_reports'
  conditions: Statement[]
}

const timesOf = ({ since, until }: ReportFilter): Statement[] => [
  ...(since === undefined ? [] : [sql`createdAt >= ${since}`]),
  ...(until === undefined ? [] : [sql`createdAt <= ${until}`]),
]

/** By columns; each condition is served by an index. */
function byColumns(tenantId: Tenant, filter: ReportFilter): Source {
  const { state, severity, policy_version: version, held } = filter
  return {
    table: 'reports',
    conditions: [
      sql`tenantId = ${tenantId}`,
      ...timesOf(filter),
      ...(state === undefined ? [] : [sql`quarantined = ${state === 'quarantined' ? 1 : 0}`]),
      ...(severity === undefined ? [] : [severity === 'none' ? sql`severity IS NULL` : sql`severity = ${severity}`]),
      ...(version === undefined ? [] : [sql`policyVersion = ${version}`]),
      ...(held === false ? [NOT_HELD] : []),
    ],
  }
}

const saying = (...terms: readonly number[]): Statement => sql`terms @> ${terms}::bigint[]`

/** By what reports say. @param texts the terms of the texts that were searched for */
function bySaid(tenantId: Tenant, filter: ReportFilter, texts: readonly number[] | undefined): Source {
  const { state, severity, policy_version: version, held, label, rule, target } = filter
  const terms = [
    ...(severity === undefined ? [] : [termOf('severity', severity)]),
    ...(version === undefined ? [] : [termOf('policy', version)]),
    ...(state === 'quarantined' ? [QUARANTINED] : []),
    ...(label === undefined ? [] : [termOf('label', ...labelOf(label))]),
    // Together they are about one evaluation.
    ...(rule === undefined && target === undefined ? [] : [termOf('place', rule ?? '', target ?? '')]),
  ]
  return {
    table: 'search_reports',
    conditions: [
      sql`tenantId = ${tenantId}`,
      ...timesOf(filter),
      ...(terms.length === 0 ? [] : [saying(...terms)]),
      ...(state === 'stored' ? [sql`NOT ${saying(QUARANTINED)}`] : []),
      ...(held === undefined ? [] : [held ? raw(IS_HELD) : raw(`NOT ${IS_HELD}`)]),
      ...(texts === undefined ? [] : [sql`terms && ${texts}::bigint[]`]),
    ],
  }
}

/** Lists of reports on PostgreSQL; see listing.ts. */
export function createPostgresListing({ of }: Pick<Access, 'of'>) {
  /** The terms of the texts in which all words of `wanted` are. @throws Problem invalid-input when there is no word, or too many texts */
  async function textsWith(tenantId: Tenant, wanted: string): Promise<number[]> {
    const ways = wantedWays(wanted).map((words) => {
      // The last gram of a word is its last character alone, which in a longer word has a neighbour.
      const grams = words.flatMap((word) => gramsOf(word).slice(0, -1))
      return and(sql`grams @> ${grams}::text[]`, ...words.map((word) => sql`position(${word} IN body) > 0`))
    })
    if (ways.length === 0) throw invalidField('querystring', 'text', 'must have a letter or a digit in it')
    const found = await of(tenantId).all<{ term: number }>(
      sql`SELECT term FROM search_texts WHERE tenantId = ${tenantId} AND ((${joined(ways, ') OR (')})) LIMIT ${TEXTS_MAX + 1}`,
    )
    if (found.length <= TEXTS_MAX) return found.map(({ term }) => term)
    throw invalidField('querystring', 'text', `is in more than ${TEXTS_MAX} different texts: say more of it`)
  }

  const textsOf = async (tenantId: Tenant, { text }: ReportFilter): Promise<number[] | undefined> =>
    text === undefined ? undefined : textsWith(tenantId, text)

  function sourceOf(tenantId: Tenant, filter: ReportFilter, texts: readonly number[] | undefined): Source {
    const { held, label, rule, target, text } = filter
    const isPlain = held !== true && [label, rule, target, text].every((member) => member === undefined)
    return isPlain ? byColumns(tenantId, filter) : bySaid(tenantId, filter, texts)
  }

  function counting(tenantId: Tenant, filter: ReportFilter, texts: readonly number[] | undefined): Statement {
    const { severity, state, held, ...rest } = filter
    if (held === false) {
      // Few are on hold, and of all others nobody has to look at each.
      const all = { ...rest, ...(severity && { severity }), ...(state && { state }) }
      return sql`(${counting(tenantId, all, texts)}) - (${counting(tenantId, { ...all, held: true }, texts)})`
    }
    // Most ask for what is counted by the writes.
    const isKept = held === undefined && Object.values(rest).every((value) => value === undefined)
    if (!isKept) {
      const { table, conditions } = sourceOf(tenantId, filter, texts)
      return sql`SELECT count(*) FROM ${raw(table)} WHERE ${and(...conditions)}`
    }
    const { conditions } = byColumns(tenantId, state === undefined ? {} : { state })
    const ofSeverity = severity === undefined ? undefined : sql`severity = ${severity}`
    return sql`SELECT coalesce(sum(reports), 0) FROM report_counts WHERE ${and(...conditions, ofSeverity)}`
  }

  const countOf = async (tenantId: Tenant, filter: ReportFilter, texts: readonly number[] | undefined) =>
    (await of(tenantId).first<{ n: number }>(sql`SELECT (${counting(tenantId, filter, texts)}) AS n`))?.n ?? 0

  function page(
    tenantId: Tenant,
    { table, conditions }: Source,
    isNewest: boolean,
    { limit, offset, after }: { limit: number; offset: number; after: readonly number[] | undefined },
  ): Promise<ReportRow[]> {
    const direction = raw(isNewest ? 'DESC' : 'ASC')
    const order = sql`ORDER BY createdAt ${direction}, seq ${direction}`
    const place =
      after === undefined ? undefined : sql`(createdAt, seq) ${raw(isNewest ? '<' : '>')} (${after[0]}, ${after[1]})`
    const bounds = sql`LIMIT ${limit} OFFSET ${after === undefined ? offset : 0}`
    const where = and(...conditions, place)
    if (table === 'reports') {
      return of(tenantId).all(sql`SELECT ${LISTED} FROM reports WHERE ${where} ${order} ${bounds}`)
    }
    return of(tenantId).all(
      sql`WITH found AS MATERIALIZED (SELECT createdAt, seq FROM search_reports WHERE ${where} ${order} ${bounds})
        SELECT ${LISTED} FROM found JOIN reports USING (createdAt, seq) WHERE tenantId = ${tenantId} ${order}`,
    )
  }

  async function byTime(
    tenantId: Tenant,
    filter: ReportFilter,
    { sort, limit, offset, after }: PageStart,
  ): Promise<Listed> {
    const texts = await textsOf(tenantId, filter)
    const [totalCount, rows] = await Promise.all([
      countOf(tenantId, filter, texts),
      page(tenantId, sourceOf(tenantId, filter, texts), sort === '-createdAt', { limit: limit + 1, offset, after }),
    ])
    const last = rows.length > limit ? rows[limit - 1] : undefined
    return {
      reports: rows.slice(0, limit).map(itemOf),
      totalCount,
      ...(last === undefined ? {} : { next: [last.createdAt, last.seq] }),
    }
  }

  /** One severity after the other, each newest first. */
  async function bySeverity(
    tenantId: Tenant,
    filter: ReportFilter,
    { sort, limit, offset, after }: PageStart,
  ): Promise<Listed> {
    const order = sort === 'severity' ? SEVERITY_ORDER : [...SEVERITY_ORDER].reverse()
    const texts = await textsOf(tenantId, filter)
    const begin = after === undefined ? 0 : order.indexOf(SEVERITY_ORDER[after[0] as number] ?? 'none')
    const rows: (ReportRow & { rank: number })[] = []
    let [totalCount, skip] = [0, after === undefined ? offset : 0]
    for (const [at, severity] of order.entries()) {
      if (filter.severity !== undefined && filter.severity !== severity) continue
      const own = { ...filter, severity }
      const count = await countOf(tenantId, own, texts)
      totalCount += count
      if (at < begin || rows.length > limit) continue
      const from = at === begin ? after?.slice(1) : undefined
      const rank = SEVERITY_ORDER.indexOf(severity)
      const start = { limit: limit + 1 - rows.length, offset: skip, after: from }
      const some = await page(tenantId, sourceOf(tenantId, own, texts), true, start)
      rows.push(...some.map((one) => ({ ...one, rank })))
      skip = Math.max(0, skip - count)
    }
    const last = rows.length > limit ? rows[limit - 1] : undefined
    return {
      reports: rows.slice(0, limit).map(itemOf),
      totalCount,
      ...(last === undefined ? {} : { next: [last.rank, last.createdAt, last.seq] }),
    }
  }

  return (tenantId: Tenant, filter: ReportFilter, start: PageStart): Promise<Listed> =>
    start.sort.endsWith('severity') ? bySeverity(tenantId, filter, start) : byTime(tenantId, filter, start)
}
