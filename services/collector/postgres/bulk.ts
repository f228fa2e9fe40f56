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
