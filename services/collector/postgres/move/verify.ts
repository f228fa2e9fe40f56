import type { Database } from '#shared/database.ts'
import { createHash, type Hash } from 'node:crypto'
import type { Pool } from '../pool.ts'
import { columns, sql } from '../sql.ts'
import { storable } from '../values.ts'
import type { FiledReport } from './reports.ts'
import { layoutOf, MOVED, sourceRows, targetRows, textOfRow } from './tables.ts'

export interface Difference {
  /** A table, and the tenant whose rows differ, if it is one's. */
  what: string
  source: string
  target: string
}

const PAGE = 1000

/** Number of rows, and the hash of what they say. */
function createSum() {
  const hash: Hash = createHash('sha256')
  let count = 0
  return {
    add(text: string): void {
      hash.update(text).update('\n')
      count++
    },
    text: () => `${count} rows, ${hash.digest('hex').slice(0, 16)}`,
  }
}

const stored = (text: string | null) => (text === null ? null : storable(text))

const textOfReport = (row: FiledReport): string =>
  JSON.stringify([
    ...[
      row.id,
      row.createdAt,
      row.updatedAt,
      row.severity,
      stored(row.policyVersion),
      stored(row.markdown),
      row.report,
    ],
    ...[row.quarantined, stored(row.errors), row.schemaName, stored(row.labels)],
  ])

const WHOLE = columns(
  ...['id', 'tenantId', 'createdAt', 'updatedAt', 'severity', 'policyVersion', 'markdown', 'report', 'quarantined'],
  ...['errors', 'schemaName', 'labels', 'seq'],
)

async function* targetReports(pool: Pool, tenant: string): AsyncGenerator<FiledReport> {
  let [createdAt, id] = [-1, '']
  for (;;) {
    const rows = await pool.everyTenant.all<FiledReport>(
      sql`SELECT ${WHOLE} FROM reports WHERE tenantId = ${tenant} AND (createdAt, id) > (${createdAt}, ${id})
        ORDER BY createdAt, id LIMIT ${PAGE}`,
    )
    yield* rows
    const last = rows.at(-1)
    if (last === undefined) return
    ;[createdAt, id] = [last.createdAt, last.id]
  }
}

async function compareReports(db: Database, pool: Pool, tenant: string): Promise<Difference[]> {
  const [source, target] = [createSum(), createSum()]
  const rows = db.prepare<[string], FiledReport>('SELECT * FROM reports WHERE tenantId = ? ORDER BY createdAt, id')
  for (const row of rows.iterate(tenant)) source.add(textOfReport(row))
  let count = 0
  for await (const row of targetReports(pool, tenant)) {
    target.add(textOfReport(row))
    count++
  }
  const kept = await pool.everyTenant.first<{ n: number }>(
    sql`SELECT coalesce(sum(reports), 0) AS n FROM report_counts WHERE tenantId = ${tenant}`,
  )
  const [one, other] = [source.text(), target.text()]
  return [
    ...(one === other ? [] : [{ what: `reports of ${tenant}`, source: one, target: other }]),
    ...(kept?.n === count
      ? []
      : [{ what: `counts of ${tenant}`, source: `${count} reports`, target: `${kept?.n} counted` }]),
  ]
}

async function compareTable(db: Database, pool: Pool, table: string): Promise<Difference[]> {
  const layout = await layoutOf(db, pool, table)
  const [source, target] = [createSum(), createSum()]
  for (const row of sourceRows(db, table)) source.add(textOfRow(row, layout))
  for (const row of await targetRows(pool, table, layout)) target.add(textOfRow(row, layout))
  const [one, other] = [source.text(), target.text()]
  return one === other ? [] : [{ what: table, source: one, target: other }]
}

/** Everything in which the two sides differ: reports by tenant, the other tables each as a whole. */
export async function compare(db: Database, pool: Pool): Promise<Difference[]> {
  const differences: Difference[] = []
  const here = db.prepare<[], string>('SELECT DISTINCT tenantId FROM reports').pluck().all()
  const there = await pool.everyTenant.all<{ tenant: string }>(sql`SELECT DISTINCT tenantId AS tenant FROM reports`)
  for (const tenant of new Set([...here, ...there.map((row) => row.tenant)])) {
    differences.push(...(await compareReports(db, pool, tenant)))
  }
  for (const table of MOVED) differences.push(...(await compareTable(db, pool, table)))
  return differences
}
