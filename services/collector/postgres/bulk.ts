import { joined, raw, sql, type Statement } from './sql.ts'

/** A column of rows that go over as arrays, one for each column. */
export interface Column<T> {
  name: string
  type: 'text' | 'bigint' | 'integer' | 'smallint' | 'bytea' | 'double precision'
  of(item: T): unknown
}

/**
 * Rows as a table `given` in a FROM: so many rows are one parameter a column, whatever their number. `ord` is their order.
 * @see https://www.postgresql.org/docs/15/functions-array.html (unnest)
 */
export function given<T>(columns: readonly Column<T>[], items: readonly T[]): Statement {
  const arrays = columns.map(({ type, of }) => sql`${items.map(of)}::${raw(type)}[]`)
  const names = columns.map(({ name }) => name).join(', ')
  return sql`unnest(${joined(arrays, ', ')}) WITH ORDINALITY AS given (${raw(names)}, ord)`
}

/** Inserts rows in their order; `tail` is what follows, such as ON CONFLICT. */
export function insertAll<T>(
  table: string,
  columns: readonly Column<T>[],
  items: readonly T[],
  tail: Statement = raw(''),
): Statement {
  const names = raw(columns.map(({ name }) => name).join(', '))
  return sql`INSERT INTO ${raw(table)} (${names}) SELECT ${names} FROM ${given(columns, items)} ORDER BY ord ${tail}`
}

/**
 * Deletes at most `limit` rows, the first of an order, and none that somebody else is at. Which they are is found out once:
 * as a subquery it would be asked anew for every row, and each time give the next ones.
 * @param which a condition, and ORDER BY if the order matters
 */
export const removeSome = (table: string, key: string, which: Statement, limit: number): Statement =>
  sql`WITH chosen AS MATERIALIZED (
      SELECT ${raw(key)} FROM ${raw(table)} WHERE ${which} LIMIT ${limit} FOR UPDATE SKIP LOCKED
    ) DELETE FROM ${raw(table)} WHERE (${raw(key)}) IN (SELECT ${raw(key)} FROM chosen)`
