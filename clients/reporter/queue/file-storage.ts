import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import path from 'node:path'
import type { QueueStorage } from './storage.ts'

const UNFINISHED = '.tmp'
/** An unfinished file of this age is nobody's any more. */
const ABANDONED_MS = 3_600_000

const isAbsent = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT'
const unlessAbsent = (error: unknown): void => {
  if (!isAbsent(error)) throw error
}

/** '' for a file that is none of ours. */
function nameOf(file: string): string {
  try {
    return decodeURIComponent(file)
  } catch {
    return ''
  }
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

/**
 * Reports wait as files of one folder, readable only to their owner, and survive a power cut: a file is written under
 * another name, synced, renamed, and the folder synced. Node only.
 */
export function fileStorage(folder: string): QueueStorage {
  // Names have colons, which Windows has not.
  const fileOf = (name: string) => path.join(folder, encodeURIComponent(name))
  let writes = 0
  let isSwept = false

  async function sweep(files: readonly string[]): Promise<void> {
    if (isSwept) return
    isSwept = true
    for (const file of files.filter((each) => each.endsWith(UNFINISHED)).map((each) => path.join(folder, each))) {
      const age = await stat(file).then(({ mtimeMs }) => Date.now() - mtimeMs, unlessAbsent)
      if (age !== undefined && age > ABANDONED_MS) await rm(file, { force: true })
    }
  }

  return {
    get: (name) => readFile(fileOf(name), 'utf8').catch((error: unknown) => void unlessAbsent(error)),
    async set(name, text) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const file = fileOf(name)
      const unfinished = `${file}.${process.pid}-${writes++}${UNFINISHED}`
      try {
        const handle = await open(unfinished, 'wx', 0o600)
        try {
          await handle.writeFile(text)
          await handle.sync()
        } finally {
          await handle.close()
        }
        await rename(unfinished, file)
      } catch (error) {
        await rm(unfinished, { force: true }).catch(() => undefined)
        throw error
      }
      await syncFolder(folder)
    },
    remove: (name) => rm(fileOf(name), { force: true }),
    async names(prefix) {
      const files = await readdir(folder).catch((error: unknown) => {
        unlessAbsent(error)
        return [] as string[]
      })
      await sweep(files)
      return files
        .filter((file) => !file.endsWith(UNFINISHED))
        .map(nameOf)
        .filter((name) => name.startsWith(prefix))
    },
  }
}
