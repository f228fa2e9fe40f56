import { mkdir, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises'
import path from 'node:path'
import { Problem } from '#shared/problem.ts'
import { IMAGE_TYPES, type ImageType } from './types.ts'

export interface ImageFile {
  id: string
  type: ImageType
}

export type ImageFiles = ReturnType<typeof createImageFiles>

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])

/** A full disk is the owner's to mend and leaves nothing behind; every other fault stays what it is. */
export function storageFault(error: unknown): unknown {
  if (!NO_SPACE.has(String((error as { code?: unknown } | undefined)?.code))) return error
  return new Problem('storage-full', { detail: 'The disk is full; nothing was stored', cause: error })
}

async function syncFolder(folder: string): Promise<void> {
  // Windows cannot open a folder; NTFS journals renames itself.
  if (process.platform === 'win32') return
  const handle = await open(folder, 'r')
  await handle.sync().finally(() => handle.close())
}

/**
 * The image files in `<DATA_DIR>/diary-images`: `<first two hex digits>/<id>.<extension>`, and `tmp/<id>` while one is
 * being received. An id is in use from its first byte until its row is committed or its file is gone: the sweep leaves
 * it alone.
 * @param stored told of each image whose row is committed
 */
export function createImageFiles(dataDir: string, stored: (type: ImageType, bytes: number) => void = () => undefined) {
  const root = path.join(dataDir, 'diary-images')
  const tmp = path.join(root, 'tmp')
  const inUse = new Set<string>()

  const folderOf = (id: string) => path.join(root, id.slice(0, 2))
  const pathOf = ({ id, type }: ImageFile) => path.join(folderOf(id), `${id}.${IMAGE_TYPES[type]}`)
  const temporaryPathOf = (id: string) => path.join(tmp, id)

  return {
    root,
    tmp,
    pathOf,
    isInUse: (id: string) => inUse.has(id),

    /** A new temporary file. @throws Problem storage-full */
    async create(id: string): Promise<FileHandle> {
      inUse.add(id)
      try {
        await mkdir(tmp, { recursive: true, mode: 0o700 })
        return await open(temporaryPathOf(id), 'wx', 0o600)
      } catch (error) {
        inUse.delete(id)
        throw storageFault(error)
      }
    },

    /** Moves a received file, whose bytes are on disk already, to its place, durably. @throws Problem storage-full */
    async keep(image: ImageFile): Promise<void> {
      const folder = folderOf(image.id)
      try {
        const made = await mkdir(folder, { recursive: true, mode: 0o700 })
        await rename(temporaryPathOf(image.id), pathOf(image))
        await syncFolder(folder)
        if (made !== undefined) await syncFolder(root)
      } catch (error) {
        throw storageFault(error)
      }
    },

    /** Their rows are committed: from now on the files belong to them. */
    settle(images: readonly (ImageFile & { bytes: number })[]): void {
      for (const { id, type, bytes } of images) {
        inUse.delete(id)
        stored(type, bytes)
      }
    },

    /** Deletes a file that is still temporary. */
    async discard(id: string): Promise<void> {
      await rm(temporaryPathOf(id), { force: true })
      inUse.delete(id)
    },

    /** Deletes files, wherever they are; those that are gone already do not matter. */
    async remove(images: readonly ImageFile[]): Promise<void> {
      for (const image of images) {
        await rm(pathOf(image), { force: true })
        await rm(temporaryPathOf(image.id), { force: true })
        inUse.delete(image.id)
      }
    },

    /** Names in the folder of ids that begin with two hex digits, or in the temporary one. */
    async list(folder: string): Promise<string[]> {
      return readdir(path.join(root, folder)).catch(() => [])
    },
  }
}
