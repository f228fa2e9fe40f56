import type { AccountData } from '#shared/account-data.ts'
import { ownedTable, rememberedAnswers, removeInChunks } from '#shared/account-data.ts'
import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'
import type { Writes } from '#shared/writes.ts'
import { EVENT_JSON } from '../events/store.ts'
import { TAG_JSON } from '../tags/store.ts'
import { TODO_JSON } from '../todos/store.ts'

/** Each line of events.ndjson is an event as the API shows it, and beside it the ids of its tags. */
const TAGGED_EVENT = `json_patch(${EVENT_JSON}, json_object('tag_ids', json(
  (SELECT json_group_array(tag_id) FROM event_tags WHERE event_id = events.id))))`

/** Everything that the calendar knows of an account. */
export function createCalendarData(db: Database, writes: Writes): AccountData {
  const owner = 'user_id'
  const tables = {
    'events.ndjson': ownedTable(db, { table: 'events', owner, id: 'id', json: TAGGED_EVENT }),
    'tags.ndjson': ownedTable(db, { table: 'tags', owner, id: 'id', json: TAG_JSON }),
    'todos.ndjson': ownedTable(db, { table: 'todos', owner, id: 'id', json: TODO_JSON }),
  }
  const answers = rememberedAnswers(db)
  const disown = db.prepare<[string]>('DELETE FROM tag_owners WHERE user_id = ?')
  return {
    names: () => Object.keys(tables),
    open: (account: Owner, name: string) =>
      Object.hasOwn(tables, name) ? tables[name as keyof typeof tables].lines(account) : undefined,
    async remove(account) {
      for (const { remove } of [...Object.values(tables), answers]) {
        await removeInChunks(writes, (limit) => remove(account, limit))
      }
      await writes.run(() => disown.run(account))
    },
  }
}
