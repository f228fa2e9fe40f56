import { access, rm } from 'node:fs/promises'
import path from 'node:path'
import type { Logger } from '#shared/logger.ts'
import type { ImageFile, ImageFiles } from './files.ts'

export interface Swept {
  /** Files that no row knows, and files of uploads that never ended; deleted. */
  leftovers: number
  /** Rows whose file is gone; only reported, since a restored backup may bring it back. */
  missing: number
}

const FOLDERS = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(2, '0'))

/**
 * Deletes what a crash left in the folder of images: one of 256 folders at a time, so that memory and pauses stay small.
 * @param inFolder the rows whose id begins with two hex digits
 * @param isStopped ends it early, between two folders
 */
export async function sweepImages(
  files: ImageFiles,
  inFolder: (folder: string) => ImageFile[],
  logger: Logger,
  isStopped: () => boolean = () => false,
): Promise<Swept> {
  const swept: Swept = { leftovers: 0, missing: 0 }
  const drop = async (folder: string, name: string) => {
    await rm(path.join(files.root, folder, name), { recursive: true, force: true })
    swept.leftovers++
  }
  for (const name of await files.list('tmp')) if (!files.isInUse(name)) await drop('tmp', name)
  for (const folder of FOLDERS) {
    if (isStopped()) break
    // In this order: a file that is listed, not in use any more and still without a row will never get one.
    const names = (await files.list(folder)).filter((name) => !files.isInUse(path.parse(name).name))
    const rows = inFolder(folder)
    const known = new Set(rows.map((image) => path.basename(files.pathOf(image))))
    for (const name of names) if (!known.has(name)) await drop(folder, name)
    const present = new Set(names)
    for (const image of rows) {
      if (present.has(path.basename(files.pathOf(image)))) continue
      const exists = await access(files.pathOf(image)).then(
        () => true,
        () => false,
      )
      if (exists) continue
      swept.missing++
      logger.warn({ image: image.id }, 'the file of an image is missing')
    }
  }
  if (swept.leftovers > 0) logger.info({ ...swept }, 'leftover image files deleted')
  return swept
}

/**
 * Sweeps once, `delayMs` after the start: by then a process that was still draining on the same folder is gone, with the
 * uploads that it had under way.
 */
export function scheduleSweep(
  files: ImageFiles,
  inFolder: (folder: string) => ImageFile[],
  logger: Logger,
  delayMs: number,
) {
  let stopped = false
  let running: Promise<unknown> = Promise.resolve()
  const timer = setTimeout(() => {
    running = sweepImages(files, inFolder, logger, () => stopped).catch((error: unknown) => {
      logger.error({ err: error }, 'the sweep of image files failed')
    })
  }, delayMs)
  timer.unref()
  return {
    /** Resolves when it does not run any more. */
    async stop(): Promise<void> {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}
