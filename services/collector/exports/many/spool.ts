import { randomUUID } from 'node:crypto'
import { open, unlink } from 'node:fs/promises'
import path from 'node:path'

const PIECE = 65_536

export type Spool = Awaited<ReturnType<typeof openSpool>>

/**
 * A place on disk for what comes at the end of a long answer, so that memory does not grow with it. Its file has no name any
 * more once it is open: whatever happens, nothing is left.
 */
export async function openSpool(folder: string) {
  const file = path.join(folder, `export-${randomUUID()}.tmp`)
  const handle = await open(file, 'wx+', 0o600)
  await unlink(file)
  let waiting: Buffer[] = []
  let [bytes, written] = [0, 0]

  async function flush(): Promise<void> {
    const piece = Buffer.concat(waiting)
    waiting = []
    bytes = 0
    await handle.appendFile(piece)
    written += piece.length
  }

  return {
    add(record: Buffer): void {
      waiting.push(record)
      bytes += record.length
    },
    /** Writes what waits, when it is worth it. @throws what the disk refuses it with */
    async relieve(): Promise<void> {
      if (bytes >= PIECE) await flush()
    },
    /** Everything that was added. */
    async *read(): AsyncGenerator<Buffer[]> {
      await flush()
      for (let at = 0; at < written; at += PIECE) {
        const { buffer, bytesRead } = await handle.read(Buffer.alloc(PIECE), 0, Math.min(PIECE, written - at), at)
        yield [buffer.subarray(0, bytesRead)]
      }
    },
    close: (): Promise<void> => handle.close(),
  }
}
