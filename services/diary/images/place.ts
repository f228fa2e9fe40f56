import type { FastifyBaseLogger } from 'fastify'
import type { ImageFile, ImageFiles } from './files.ts'
import type { ReceivedImage } from './receive.ts'

/** What a write did about files. */
export interface FileOutcome {
  /** The rows of the new files are part of the write. */
  placed: boolean
  /** Files whose rows are gone. */
  dropped: readonly ImageFile[]
}

/**
 * Files before rows, and rows before deletions: moves new files into place, lets `write` commit their rows, then deletes
 * what is not needed: the new files when the write failed or was not run (a remembered answer), the dropped ones when it
 * committed. A crash between leaves files without a row, never a row without its file; the sweep deletes those.
 */
export async function placeFiles<T>(
  files: ImageFiles,
  log: FastifyBaseLogger,
  received: readonly ReceivedImage[],
  write: (outcome: FileOutcome) => Promise<T>,
): Promise<T> {
  const outcome: FileOutcome = { placed: false, dropped: [] }
  let committed = false
  try {
    for (const image of received) await files.keep(image)
    const answer = await write(outcome)
    committed = true
    return answer
  } finally {
    const keep = committed && outcome.placed
    if (keep) files.settle(received)
    const unneeded = [...(keep ? [] : received), ...(committed ? outcome.dropped : [])]
    await files.remove(unneeded).catch((error: unknown) => log.warn({ err: error }, 'image files were not deleted'))
  }
}
