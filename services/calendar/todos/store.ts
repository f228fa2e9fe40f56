import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { Owner } from '#shared/scope.ts'
import type { TodoInput } from './schema.ts'

export type TodoDetails = Omit<TodoInput, 'completed'> & { completed: number }
export type TodoRow = TodoDetails & { id: string }

/** Sort key: date, rank (0 = high) and number. */
export type TodoKey = readonly [string, number, number]

/** Which todos, dates inclusive. */
export interface TodoSelection {
  from?: string
  to?: string
  completed?: boolean
  after?: TodoKey
  offset: number
  limit: number
}

export interface TodoPage {
  /** JSON array. */
  data: string
  /** Sort key of the last todo, when there are more. */
  next?: TodoKey
}

export type TodoStore = ReturnType<typeof createTodoStore>

export const TODO_JSON = `json_object('id', id, 'title', title, 'description', description, 'date', date,
  'priority', priority, 'completed', completed, 'created_at', created_at, 'updated_at', updated_at)`
const SELECTED = `FROM todos
  WHERE user_id = @user AND date <= @to AND (date, rank, number) > (@afterDate, @afterRank, @afterNumber)
    AND (@completed IS NULL OR completed = @completed)
  ORDER BY date, rank, number`
/** Sorts after every date. */
const END_OF_TIME = '~'

/** All SQL about todos. Texts it answers are JSON. */
export function createTodoStore(db: Database) {
  const list = db.prepare<[object], { data: string; count: number }>(
    `SELECT json_group_array(${TODO_JSON}) AS data, count(*) AS count
     FROM (SELECT * ${SELECTED} LIMIT @limit OFFSET @offset)`,
  )
  const lastAndNext = db
    .prepare<[object], [string, number, number]>(
      `SELECT date, rank, number ${SELECTED} LIMIT 2 OFFSET @offset + @limit - 1`,
    )
    .raw()
  const read = db
    .prepare<[string, string], string>(`SELECT ${TODO_JSON} FROM todos WHERE id = ? AND user_id = ?`)
    .pluck()
  const find = db.prepare<[string, string], TodoRow>(
    'SELECT id, title, description, date, priority, completed FROM todos WHERE id = ? AND user_id = ?',
  )
  const insert = db
    .prepare<[object], string>(
      `INSERT INTO todos (id, user_id, title, description, date, priority, completed, created_at, updated_at)
       VALUES (@id, @user, @title, @description, @date, @priority, @completed, @now, @now) RETURNING ${TODO_JSON}`,
    )
    .pluck()
  const update = db
    .prepare<[object], string>(
      `UPDATE todos SET title = @title, description = @description, date = @date, priority = @priority,
         completed = @completed, updated_at = @now
       WHERE id = @id AND user_id = @user RETURNING ${TODO_JSON}`,
    )
    .pluck()
  const remove = db.prepare<[string, string]>('DELETE FROM todos WHERE id = ? AND user_id = ?')

  return {
    /** One page by date, then high before medium before low, then as they were made. */
    list(user: Owner, { from = '', to = END_OF_TIME, completed, after, offset, limit }: TodoSelection): TodoPage {
      // One lower bound only, the greater: an index is entered at one.
      const [afterDate, afterRank, afterNumber] = after === undefined || after[0] < from ? [from, -1, 0] : after
      const wanted = completed === undefined ? null : Number(completed)
      const selection = { user, to, completed: wanted, afterDate, afterRank, afterNumber, offset, limit }
      const { data, count } = list.get(selection) as { data: string; count: number }
      const [last, next] = count < limit ? [] : lastAndNext.all(selection)
      return last === undefined || next === undefined ? { data } : { data, next: last }
    },
    /** The text that `GET` of it answers. */
    read: (user: Owner, id: string): string | undefined => read.get(id, user),
    find: (user: Owner, id: string): TodoRow | undefined => find.get(id, user),
    /** @returns the text that `GET` of it answers from now on */
    insert: (user: Owner, todo: TodoDetails): string =>
      insert.get({ ...todo, user, id: randomUUIDv7(), now: timestamp() }) as string,
    update: (user: Owner, todo: TodoRow): string => update.get({ ...todo, user, now: timestamp() }) as string,
    /** @returns whether there was one */
    remove: (user: Owner, id: string): boolean => remove.run(id, user).changes === 1,
  }
}
