import type { Database } from '#shared/database.ts'
import { insertAll, type Column } from '../bulk.ts'
import { EVERY_TENANT, type Pool } from '../pool.ts'
import { columns, raw, sql } from '../sql.ts'
import { transaction } from '../transaction.ts'
import { storable } from '../values.ts'
import type { Progress } from './progress.ts'

export type Row = Record<string, unknown>

/** Tables that are moved row by row, in this order: what is referred to comes first. */
export const MOVED = [
  ...[
    'tenants',
    'schemas',
    'findings',
    'finding_events',
    'sign_tokens',
    'audit_log',
    'idempotency_keys',
    'bundle_keys',
  ],
  ...['tenant_days', 'tenant_refusals', 'retention', 'report_holds', 'retention_runs', 'retention_clock'],
  ...['alert_rules', 'alert_channels', 'alert_silences', 'alerts', 'alert_notifications', 'alert_mentions'],
  'alert_samples',
] as const

/** What is kept of reports beside them, which storing them makes anew; `reports` themselves are in reports.ts. */
export const MADE_ANEW =
  /^(?:reports|report_(?:hashes|hours|counts|order|series)|series_buckets|search_\w+|tenant_storage)$/

const CHUNK = 500

/** What PostgreSQL has in other columns. */
const RENAMED: Record<string, (row: Row) => Row> = {
  idempotency_keys: ({ created_at: createdAt, body, ...row }) => ({
    ...row,
    createdAt,
    body: typeof body === 'string' ? body : null,
    sealed: typeof body === 'string' ? null : body,
  }),
}

const sourceColumns = (db: Database, table: string) =>
  db.prepare<[string], { name: string; pk: number }>('SELECT name, pk FROM pragma_table_info(?)').all(table)

/** The rows of a table of the file in the order of its key. */
export function* sourceRows(db: Database, table: string): Generator<Row> {
  const key = sourceColumns(db, table)
    .filter(({ pk }) => pk > 0)
    .sort((one, other) => one.pk - other.pk)
    .map(({ name }) => name)
  const rename = RENAMED[table] ?? ((row: Row) => row)
  for (const row of db.prepare<[], Row>(`SELECT * FROM ${table} ORDER BY ${key.join(', ')}`).iterate())
    yield rename(row)
}

const KEY_NAMES: Record<string, string> = { created_at: 'createdAt' }

export interface Layout {
  columns: readonly Column<Row>[]
  /** Of the order of rows, the same on both sides. */
  key: readonly string[]
}

/** Columns that both sides have, as this one writes them; numbers that PostgreSQL gives itself are left out. */
export async function layoutOf(db: Database, pool: Pool, table: string): Promise<Layout> {
  const found = await pool.everyTenant.all<{ name: string; type: Column<Row>['type']; own: boolean }>(
    sql`SELECT column_name AS name, data_type AS type, is_identity = 'YES' AS own FROM information_schema.columns
      WHERE table_schema = current_schema() AND table_name = ${table}`,
  )
  const source = sourceColumns(db, table)
  const names = new Map(
    [...source.map(({ name }) => KEY_NAMES[name] ?? name), 'sealed'].map((name) => [name.toLowerCase(), name]),
  )
  const given = found.flatMap(({ name, type, own }): Column<Row>[] => {
    if (own) return []
    if (name === 'shard') return [{ name, type, of: () => 0 }]
    const known = names.get(name)
    return known === undefined ? [] : [{ name: known, type, of: (row) => row[known] }]
  })
  const key = source
    .filter(({ pk }) => pk > 0)
    .sort((one, other) => one.pk - other.pk)
    .map(({ name }) => name)
  return { columns: given, key }
}

/** The rows of a table of the database, in the order of the file's key; identity numbers keep that order. */
export const targetRows = (pool: Pool, table: string, { columns: known, key }: Layout): Promise<Row[]> =>
  pool.everyTenant.all<Row>(
    sql`SELECT ${columns(...known.map(({ name }) => name))} FROM ${raw(table)} ORDER BY ${raw(key.map((name) => `${table}.${name}`).join(', '))}`,
  )

/** A value as it is on both sides. */
const sameOf = (value: unknown): unknown => {
  if (typeof value === 'string') return storable(value)
  return Buffer.isBuffer(value) ? value.toString('hex') : (value ?? null)
}

/** A row as text, the same for both sides. */
export const textOfRow = (row: Row, { columns: known }: Layout): string =>
  JSON.stringify(known.map(({ name, of }) => (name === 'shard' ? 0 : sameOf(of(row)))))

/** Moves a table from where it was left, a chunk a transaction; @returns how many rows it moved now */
export async function moveTable(db: Database, pool: Pool, progress: Progress, table: string): Promise<number> {
  const { columns: known } = await layoutOf(db, pool, table)
  const before = progress.of(table)
  let [count, moved, chunk]: [number, number, Row[]] = [0, 0, []]
  const store = async () => {
    const rows = chunk
    chunk = []
    if (rows.length === 0) return
    await transaction(pool, EVERY_TENANT, async (tx) => {
      tx.later(insertAll(table, known, rows))
      tx.later(progress.note(table, count))
    })
    moved += rows.length
  }
  for (const row of sourceRows(db, table)) {
    if (count++ < before) continue
    chunk.push(row)
    if (chunk.length === CHUNK) await store()
  }
  await store()
  return moved
}
