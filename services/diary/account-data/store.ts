import { ownedTable, rememberedAnswers, removeInChunks, type AccountData } from '#shared/account-data.ts'
import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'
import type { Writes } from '#shared/writes.ts'
import { open } from 'node:fs/promises'
import { ENTRY_DOCUMENT } from '../entries/document.ts'
import type { ImageFile, ImageFiles } from '../images/files.ts'
import { IMAGE_TYPES } from '../images/types.ts'

const ENTRIES = 'entries.ndjson'
const IMAGE = /^images\/([\w-]+)\.\w+$/
const IMAGES_IN_CHUNK = 100

/** Everything that the diary knows of an account: its entries, and the files of their images. */
export function createDiaryData(db: Database, writes: Writes, files: ImageFiles): AccountData {
  const entries = ownedTable(db, { table: 'entries', owner: 'user_id', id: 'id', json: ENTRY_DOCUMENT })
  const answers = rememberedAnswers(db)
  const all = db.prepare<[string], ImageFile>('SELECT id, type FROM images WHERE user_id = ? ORDER BY id')
  const one = db.prepare<[string, string], ImageFile>('SELECT id, type FROM images WHERE user_id = ? AND id = ?')
  const some = db.prepare<[string, number], ImageFile>('SELECT id, type FROM images WHERE user_id = ? LIMIT ?')
  const forget = db.prepare<[string, string]>('DELETE FROM images WHERE user_id = ? AND id = ?')

  /** Rows before files, as everywhere here: a crash leaves a file without a row, which the sweep deletes. */
  async function removeImages(account: Owner): Promise<void> {
    for (;;) {
      const images = some.all(account, IMAGES_IN_CHUNK)
      if (images.length === 0) return
      await writes.run(() => images.forEach(({ id }) => forget.run(account, id)))
      await files.remove(images)
    }
  }

  return {
    names: (account) => [ENTRIES, ...all.all(account).map(({ id, type }) => `images/${id}.${IMAGE_TYPES[type]}`)],
    async open(account, name) {
      if (name === ENTRIES) return entries.lines(account)
      const image = one.get(account, IMAGE.exec(name)?.[1] ?? '')
      if (image === undefined) return undefined
      const handle = await open(files.pathOf(image), 'r').catch(() => undefined)
      return handle?.createReadStream()
    },
    async remove(account) {
      await removeImages(account)
      await removeInChunks(writes, (limit) => entries.remove(account, limit))
      await removeInChunks(writes, (limit) => answers.remove(account, limit))
    },
  }
}
