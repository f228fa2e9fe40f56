import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'
import { TAG_JSON } from '../tags/store.ts'

export type EventTagStore = ReturnType<typeof createEventTagStore>

/** All SQL about which tags an event has; the event is known to be the user's. */
export function createEventTagStore(db: Database) {
  const list = db
    .prepare<[string, string], string>(
      `SELECT json_group_array(${TAG_JSON}) FROM (
         SELECT tags.* FROM event_tags JOIN tags ON tags.id = tag_id WHERE event_id = ? AND user_id = ? ORDER BY name_key)`,
    )
    .pluck()
  const unknown = db
    .prepare<[string, string], string>(
      'SELECT value FROM json_each(?) WHERE value NOT IN (SELECT id FROM tags WHERE user_id = ?)',
    )
    .pluck()
  const clear = db.prepare<[string]>('DELETE FROM event_tags WHERE event_id = ?')
  const add = db.prepare<[string, string]>('INSERT OR IGNORE INTO event_tags SELECT ?, value FROM json_each(?)')
  const remove = db.prepare<[string, string]>('DELETE FROM event_tags WHERE event_id = ? AND tag_id = ?')

  return {
    /** JSON array of the event's tags by name. */
    list: (user: Owner, eventId: string): string => list.get(eventId, user) as string,
    /** Those of the ids that are no tag of the user. */
    unknown: (user: Owner, tagIds: readonly string[]): string[] => unknown.all(JSON.stringify(tagIds), user),
    replace(_user: Owner, eventId: string, tagIds: readonly string[]): void {
      clear.run(eventId)
      add.run(eventId, JSON.stringify(tagIds))
    },
    /** @returns whether the event had it */
    remove: (_user: Owner, eventId: string, tagId: string): boolean => remove.run(eventId, tagId).changes === 1,
  }
}
