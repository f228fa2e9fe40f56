import { invalidField } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Access } from '../postgres/pool.ts'
import { and, columns, joined, raw, sql, type Statement } from '../postgres/sql.ts'
import { TEXTS_MAX } from '../search/find.ts'
import { gramsOf, wantedWays } from '../search/grams.ts'
import { QUARANTINED, termOf } from '../search/postgres-terms.ts'
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

type Severity = (typeof SEVERITY_ORDER)[number]

/** What is listed: rows of the reports themselves, or of what they say. */
interface Source {
  table: 'reports' | 'search_reports'
  conditions: Statement[]
  ofSeverity(severity: Severity): Statement
}

const timesOf = ({ since, until }: ReportFilter): Statement[] => [
  ...(since === undefined ? [] : [sql`createdAt >= ${since}`]),
  ...(until === undefined ? [] : [sql`createdAt <= ${until}`]),
]

/** By columns; each condition is served by an index. */
function byColumns(tenantId: Tenant, filter: ReportFilter): Source {
  const { state, severity, policy_version: version } = filter
  return {
    table: 'reports',
    conditions: [
      sql`tenantId = ${tenantId}`,
      ...timesOf(filter),
      ...(state === undefined ? [] : [sql`quarantined = ${state === 'quarantined' ? 1 : 0}`]),
      ...(severity === undefined ? [] : [sql`severity = ${severity}`]),
      ...(version === undefined ? [] : [sql`policyVersion = ${version}`]),
    ],
    ofSeverity: (one) => (one === 'none' ? sql`severity IS NULL` : sql`severity = ${one}`),
  }
}

const saying = (...terms: readonly number[]): Statement => sql`terms @> ${terms}::bigint[]`

/** By what reports say. @param texts the terms of the texts that were searched for */
function bySaid(tenantId: Tenant, filter: ReportFilter, texts: readonly number[] | undefined): Source {
  const { state, severity, policy_version: version, label, rule, target } = filter
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
      ...(state === 'stored' ? [sql`NOT terms @> ${[QUARANTINED]}::bigint[]`] : []),
      ...(texts === undefined ? [] : [sql`terms && ${texts}::bigint[]`]),
    ],
    ofSeverity: (one) => saying(termOf('severity', one)),
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

  async function sourceOf(tenantId: Tenant, filter: ReportFilter): Promise<Source> {
    const { label, rule, target, text } = filter
    if ([label, rule, target, text].every((member) => member === undefined)) return byColumns(tenantId, filter)
    return bySaid(tenantId, filter, text === undefined ? undefined : await textsWith(tenantId, text))
  }

  async function countOf(tenantId: Tenant, filter: ReportFilter, { table, conditions }: Source): Promise<number> {
    const { severity: _severity, state: _state, ...rest } = filter
    // Most ask for what is counted by the writes.
    const isKept = Object.values(rest).every((value) => value === undefined)
    const counted = isKept
      ? sql`SELECT coalesce(sum(reports), 0) AS n FROM report_counts WHERE ${and(...conditions)}`
      : sql`SELECT count(*) AS n FROM ${raw(table)} WHERE ${and(...conditions)}`
    return (await of(tenantId).first<{ n: number }>(counted))?.n ?? 0
  }

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
    const source = await sourceOf(tenantId, filter)
    const [totalCount, rows] = await Promise.all([
      countOf(tenantId, filter, source),
      page(tenantId, source, sort === '-createdAt', { limit: limit + 1, offset, after }),
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
    const source = await sourceOf(tenantId, filter)
    const begin = after === undefined ? 0 : order.indexOf(SEVERITY_ORDER[after[0] as number] ?? 'none')
    const rows: (ReportRow & { rank: number })[] = []
    let [totalCount, skip] = [0, after === undefined ? offset : 0]
    for (const [at, severity] of order.entries()) {
      const own = { ...source, conditions: [...source.conditions, source.ofSeverity(severity)] }
      const count = await countIn(tenantId, own)
      totalCount += count
      if (at < begin || rows.length > limit) continue
      const from = at === begin ? after?.slice(1) : undefined
      const rank = SEVERITY_ORDER.indexOf(severity)
      const some = await page(tenantId, own, true, { limit: limit + 1 - rows.length, offset: skip, after: from })
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

  const countIn = async (tenantId: Tenant, { table, conditions }: Source): Promise<number> =>
    (await of(tenantId).first<{ n: number }>(sql`SELECT count(*) AS n FROM ${raw(table)} WHERE ${and(...conditions)}`))
      ?.n ?? 0

  return (tenantId: Tenant, filter: ReportFilter, start: PageStart): Promise<Listed> =>
    start.sort.endsWith('severity') ? bySeverity(tenantId, filter, start) : byTime(tenantId, filter, start)
}
