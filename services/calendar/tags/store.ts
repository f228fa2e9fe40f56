import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { Owner } from '#shared/scope.ts'
import type { TagInput } from './schema.ts'

/** What every new user starts with. */
export const DEFAULT_TAGS: readonly TagInput[] = [
  { name: '업무', color: '#3B82F6' },
  { name: '개인', color: '#10B981' },
  { name: '가족', color: '#F59E0B' },
  { name: '중요', color: '#EF4444' },
  { name: '건강', color: '#8B5CF6' },
]

export type TagRow = TagInput & { id: string }
export type TagStore = ReturnType<typeof createTagStore>

export const TAG_JSON = `json_object('id', id, 'name', name, 'color', color, 'user_id', user_id,
  'created_at', created_at, 'updated_at', updated_at)`

/** What makes two names the same name: the NFC form, whichever way an input method composed it. */
const keyOf = (name: string) => name.normalize('NFC')

/** All SQL about tags. Texts it answers are JSON. */
export function createTagStore(db: Database) {
  const seeded = db.prepare<[string], number>('SELECT 1 FROM tag_owners WHERE user_id = ?').pluck()
  const own = db.prepare<[string, string]>('INSERT OR IGNORE INTO tag_owners VALUES (?, ?)')
  const list = db
    .prepare<[string], string>(
      `SELECT json_group_array(${TAG_JSON}) FROM (SELECT * FROM tags WHERE user_id = ? ORDER BY name_key)`,
    )
    .pluck()
  const count = db.prepare<[string], number>('SELECT count(*) FROM tags WHERE user_id = ?').pluck()
  const read = db.prepare<[string, string], string>(`SELECT ${TAG_JSON} FROM tags WHERE id = ? AND user_id = ?`).pluck()
  const find = db.prepare<[string, string], TagRow>('SELECT id, name, color FROM tags WHERE id = ? AND user_id = ?')
  const named = db.prepare<[string, string], string>('SELECT id FROM tags WHERE user_id = ? AND name_key = ?').pluck()
  const insert = db
    .prepare<[object], string>(
      `INSERT INTO tags VALUES (@id, @user, @name, @key, @color, @now, @now) RETURNING ${TAG_JSON}`,
    )
    .pluck()
  const update = db
    .prepare<[object], string>(
      `UPDATE tags SET name = @name, name_key = @key, color = @color, updated_at = @now
       WHERE id = @id AND user_id = @user RETURNING ${TAG_JSON}`,
    )
    .pluck()
  const remove = db.prepare<[string, string]>('DELETE FROM tags WHERE id = ? AND user_id = ?')

  const add = (user: Owner, { name, color }: TagInput): string =>
    insert.get({ id: randomUUIDv7(), user, name, key: keyOf(name), color, now: timestamp() }) as string

  return {
    isSeeded: (user: Owner): boolean => seeded.get(user) !== undefined,
    /** Gives a new user the default tags, once for ever; inside a write. */
    seed(user: Owner): void {
      if (own.run(user, timestamp()).changes === 1) for (const tag of DEFAULT_TAGS) add(user, tag)
    },
    /** JSON array by name. */
    list: (user: Owner): string => list.get(user) as string,
    count: (user: Owner): number => count.get(user) as number,
    read: (user: Owner, id: string): string | undefined => read.get(id, user),
    find: (user: Owner, id: string): TagRow | undefined => find.get(id, user),
    /** Id of the user's tag of that name. */
    named: (user: Owner, name: string): string | undefined => named.get(user, keyOf(name)),
    insert: add,
    update: (user: Owner, tag: TagRow): string =>
      update.get({ ...tag, user, key: keyOf(tag.name), now: timestamp() }) as string,
    /** @returns whether there was one */
    remove: (user: Owner, id: string): boolean => remove.run(id, user).changes === 1,
  }
}
