import { IMAGE_PATH } from '../images/schema.ts'

/** An entry as its representation, the JSON text itself, built by SQLite; an expression over the table `entries`. */
export const ENTRY_DOCUMENT = `json_object(
  'id', entries.id,
  'user_id', entries.user_id,
  'date', entries.date,
  'content', entries.content,
  'mood', entries.mood,
  'weather', entries.weather,
  'tags', json(entries.tags),
  'images', json((
    SELECT json_group_array('${IMAGE_PATH}' || images.id ORDER BY images.position)
    FROM images WHERE images.entry_id = entries.id)),
  'created_at', entries.created_at,
  'updated_at', entries.updated_at)`

/** One entry of a list: its sort key beside its representation. */
export interface ListedEntry {
  date: string
  document: string
}
