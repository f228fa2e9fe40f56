import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'
import { searchTextOf } from '../search/fold.ts'
import { ENTRY_DOCUMENT, type ListedEntry } from './document.ts'
import type { EntryChange, EntryInput, Mood } from './schema.ts'

interface EntryRow {
  content: string
  mood: Mood | null
  weather: string | null
  tags: string
}

export interface Page {
  from: string
  to: string
  /** Only entries before this date: where the last page ended. */
  before: string | null
  limit: number
  offset: number
}

export type EntryStore = ReturnType<typeof createEntryStore>

/** better-sqlite3 binds numbers as REAL, which would come back as 3.0; '' is how a client takes a mood away. */
const bindable = (mood: Mood | null | undefined) =>
  typeof mood === 'number' ? BigInt(mood) : mood === undefined || mood === '' ? null : mood

const nullIfEmpty = (text: string | null | undefined) => (text === undefined || text === '' ? null : text)

/** The only SQL that writes entries. */
export function createEntryStore(db: Database) {
  const list = db.prepare<[Page & { user: Owner }], ListedEntry>(
    `SELECT date, ${ENTRY_DOCUMENT} AS document FROM entries
     WHERE user_id = @user AND date BETWEEN @from AND @to AND (@before IS NULL OR date < @before)
     ORDER BY date DESC LIMIT @limit OFFSET @offset`,
  )
  const byId = db
    .prepare<[string, string], string>(`SELECT ${ENTRY_DOCUMENT} FROM entries WHERE user_id = ? AND id = ?`)
    .pluck()
  const byDate = db
    .prepare<[string, string], string>(`SELECT ${ENTRY_DOCUMENT} FROM entries WHERE user_id = ? AND date = ?`)
    .pluck()
  const row = db.prepare<[string, string], EntryRow>(
    'SELECT content, mood, weather, tags FROM entries WHERE user_id = ? AND id = ?',
  )
  const insert = db.prepare(
    `INSERT INTO entries VALUES (@id, @user_id, @date, @content, @mood, @weather, @tags, @search_text, @now, @now)
     ON CONFLICT (user_id, date) DO NOTHING`,
  )
  const update = db.prepare(
    `UPDATE entries SET content = @content, mood = @mood, weather = @weather, tags = @tags,
       search_text = @search_text, updated_at = @now
     WHERE user_id = @user_id AND id = @id`,
  )
  const touch = db.prepare('UPDATE entries SET updated_at = ? WHERE user_id = ? AND id = ?')
  const remove = db.prepare('DELETE FROM entries WHERE user_id = ? AND id = ?')

  return {
    /** Newest first. */
    list: (user: Owner, page: Page) => list.all({ ...page, user }),
    byId: (user: Owner, id: string) => byId.get(user, id),
    byDate: (user: Owner, date: string) => byDate.get(user, date),

    /** False when the user has an entry for that date already. */
    insert(user: Owner, id: string, entry: EntryInput, now: string): boolean {
      const tags = entry.tags ?? []
      const { changes } = insert.run({
        id,
        user_id: user,
        date: entry.date,
        content: entry.content,
        mood: bindable(entry.mood),
        weather: nullIfEmpty(entry.weather),
        tags: JSON.stringify(tags),
        search_text: searchTextOf(entry.content, tags),
        now,
      })
      return changes === 1
    },

    /** What is omitted or null stays. */
    update(user: Owner, id: string, change: EntryChange, now: string): void {
      const current = row.get(user, id)
      if (current === undefined) return
      const content = change.content ?? current.content
      const tags = change.tags ?? (JSON.parse(current.tags) as string[])
      update.run({
        id,
        user_id: user,
        content,
        mood: bindable(change.mood ?? current.mood),
        weather: nullIfEmpty(change.weather ?? current.weather),
        tags: JSON.stringify(tags),
        search_text: searchTextOf(content, tags),
        now,
      })
    },

    /** Something that belongs to the entry has changed. */
    touch: (user: Owner, id: string, now: string) => touch.run(now, user, id),
    remove: (user: Owner, id: string) => remove.run(user, id),
  }
}
