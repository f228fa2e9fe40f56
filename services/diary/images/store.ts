import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'
import type { ImageFile } from './files.ts'
import type { ReceivedImage } from './receive.ts'
import type { ImageType } from './types.ts'

export interface StoredImage extends ImageFile {
  id: string
  entry_id: string
  user_id: string
  type: ImageType
  bytes: number
  sha256: string
  position: number
  created_at: string
}

export type ImageStore = ReturnType<typeof createImageStore>

/** The only SQL about images. */
export function createImageStore(db: Database) {
  const any = db.prepare<[string], StoredImage>('SELECT * FROM images WHERE id = ?')
  const own = db.prepare<[string, string], StoredImage>('SELECT * FROM images WHERE user_id = ? AND id = ?')
  const ofEntry = db.prepare<[string, string], StoredImage>(
    'SELECT * FROM images WHERE user_id = ? AND entry_id = ? ORDER BY position',
  )
  const insert = db.prepare<[Omit<StoredImage, 'id'> & { id: string }]>(
    `INSERT INTO images (id, entry_id, user_id, type, bytes, sha256, position, created_at)
     VALUES (@id, @entry_id, @user_id, @type, @bytes, @sha256, @position, @created_at)`,
  )
  const move = db.prepare<[number, string, string]>('UPDATE images SET position = ? WHERE user_id = ? AND id = ?')
  const remove = db.prepare<[string, string]>('DELETE FROM images WHERE user_id = ? AND id = ?')
  const inFolder = db.prepare<[string, string], ImageFile>('SELECT id, type FROM images WHERE id >= ? AND id < ?')

  return {
    /** Whoever it belongs to: for callers to whom the unguessable id is the permission. */
    find: (id: string) => any.get(id),
    byId: (user: Owner, id: string) => own.get(user, id),
    ofEntry: (user: Owner, entryId: string) => ofEntry.all(user, entryId),
    insert(user: Owner, entryId: string, image: ReceivedImage, position: number, now: string): void {
      insert.run({ ...image, entry_id: entryId, user_id: user, position, created_at: now })
    },
    move: (user: Owner, id: string, position: number) => move.run(position, user, id),
    remove: (user: Owner, id: string) => remove.run(user, id),
    /** Of all users, those whose id begins with two hex digits: what the sweep compares with a folder. */
    inFolder: (folder: string) => inFolder.all(folder, `${folder}~`),
  }
}
