import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import { now } from '../times.ts'
import type { EventInput } from './schema.ts'
import type { Span } from './span.ts'

/** What an event says beside when it is. */
export type EventDetails = Omit<EventInput, keyof Span>

export type EventRow = EventDetails & Span & { id: string }

/** Which events, in what order after which: instants as text, inclusive. */
export interface EventSelection {
  start?: string
  end?: string
  type?: string
  /** Sort key of the last event of the page before: start_at and id. */
  after?: readonly [string, string]
  offset: number
  limit: number
}

export interface EventPage {
  /** JSON array. */
  data: string
  count: number
  /** Sort key of the last event, when there are more. */
  next?: [string, string]
}

export type EventStore = ReturnType<typeof createEventStore>

const EVENT_JSON = `json_object(
  'id', id, 'title', title, 'description', description, 'start_time', start_time, 'end_time', end_time,
  'all_day', json(iif(all_day, 'true', 'false')), 'location', location, 'type', type, 'color', color,
  'reminder_minutes', reminder_minutes, 'start_at', start_at, 'end_at', end_at, 'time_zone', time_zone,
  'created_at', created_at, 'updated_at', updated_at)`
const ENVELOPE = `json_object('status', 'success', 'data', ${EVENT_JSON})`
const SELECTED = `FROM events
  WHERE user_id = @user AND (start_at, id) > (@afterAt, @afterId) AND start_at <= @end AND last_at >= @start
    AND (@type IS NULL OR type = @type)
  ORDER BY start_at, id`
/** Sorts after every instant. */
const END_OF_TIME = '~'

/** All SQL about events. Texts it answers are JSON, made by SQLite: a fifth cheaper than rows through JSON.stringify. */
export function createEventStore(db: Database) {
  const list = db.prepare<[object], { data: string; count: number }>(
    `SELECT json_group_array(${EVENT_JSON}) AS data, count(*) AS count
     FROM (SELECT * ${SELECTED} LIMIT @limit OFFSET @offset)`,
  )
  const lastAndNext = db.prepare<[object], { start_at: string; id: string }>(
    `SELECT start_at, id ${SELECTED} LIMIT 2 OFFSET @offset + @limit - 1`,
  )
  const read = db
    .prepare<[string, string], string>(`SELECT ${ENVELOPE} FROM events WHERE id = ? AND user_id = ?`)
    .pluck()
  const find = db.prepare<[string, string], EventRow>('SELECT * FROM events WHERE id = ? AND user_id = ?')
  const insert = db
    .prepare<[object], string>(
      `INSERT INTO events VALUES (@id, @user, @title, @description, @start_time, @end_time, @all_day, @location, @type,
         @color, @reminder_minutes, @start_at, @end_at, @last_at, @time_zone, @now, @now)
       RETURNING ${ENVELOPE}`,
    )
    .pluck()
  const update = db
    .prepare<[object], string>(
      `UPDATE events SET title = @title, description = @description, start_time = @start_time, end_time = @end_time,
         all_day = @all_day, location = @location, type = @type, color = @color, reminder_minutes = @reminder_minutes,
         start_at = @start_at, end_at = @end_at, last_at = @last_at, time_zone = @time_zone, updated_at = @now
       WHERE id = @id AND user_id = @user
       RETURNING ${ENVELOPE}`,
    )
    .pluck()
  const remove = db.prepare<[string, string]>('DELETE FROM events WHERE id = ? AND user_id = ?')

  return {
    /** One page by start_at and id. */
    list(user: string, { start = '', end = END_OF_TIME, type, after, offset, limit }: EventSelection): EventPage {
      const [afterAt, afterId] = after ?? ['', '']
      const selection = { user, start, end, type: type ?? null, afterAt, afterId, offset, limit }
      const page = list.get(selection) as { data: string; count: number }
      if (page.count < limit) return page
      const [last, next] = lastAndNext.all(selection)
      return last === undefined || next === undefined ? page : { ...page, next: [last.start_at, last.id] }
    },
    /** The text that `GET` of it answers. */
    read: (user: string, id: string): string | undefined => read.get(id, user),
    find: (user: string, id: string): EventRow | undefined => find.get(id, user),
    /** @returns the text that `GET` of it answers from now on */
    insert: (user: string, event: EventDetails & Span): string =>
      insert.get({ ...event, user, id: randomUUIDv7(), now: now() }) as string,
    update: (user: string, event: EventRow): string => update.get({ ...event, user, now: now() }) as string,
    /** @returns whether there was one */
    remove: (user: string, id: string): boolean => remove.run(id, user).changes === 1,
  }
}
