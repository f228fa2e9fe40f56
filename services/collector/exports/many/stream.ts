import { countStreamed } from '#shared/streamed.ts'
import { Readable } from 'node:stream'
import { representation } from '../../reports/representation.ts'
import type { ScannedReport } from '../../reports/store.ts'

const CHUNK = 65_536
const MS_PER_S = 1000
/**
 * Bytes of garbage for each byte that goes out, as measured: when they are counted, 200,000 reports grow the process by 100 MB instead
 * of 140 (after which it does not grow any more), and take as long.
 */
const WASTE = 16
const NEWLINE = Buffer.from('\n')

/** A report a line. */
export async function* linesOf(pages: AsyncIterable<ScannedReport[]>): AsyncGenerator<Buffer[]> {
  for await (const page of pages) yield page.flatMap((report) => [Buffer.from(representation(report)), NEWLINE])
}

/** Small pieces together, large ones as they are: neither a system call for each piece, nor a copy of a megabyte. */
function* gathered(pieces: readonly Buffer[]): Generator<Buffer> {
  let small: Buffer[] = []
  let bytes = 0
  for (const piece of pieces) {
    if (piece.length >= CHUNK || bytes + piece.length > CHUNK) {
      if (bytes > 0) yield Buffer.concat(small, bytes)
      small = []
      bytes = 0
    }
    if (piece.length >= CHUNK) yield piece
    else {
      small.push(piece)
      bytes += piece.length
    }
  }
  if (bytes > 0) yield Buffer.concat(small, bytes)
}

/**
 * Pieces as a stream that makes them as they are taken. It ends at once when its reader leaves, and by itself when the reader
 * takes nothing for `stallS` seconds.
 */
export function streamOf(groups: AsyncIterable<Buffer[]>, stallS: number): Readable {
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const pieces of groups) {
      for (const chunk of gathered(pieces)) {
        const stalled = () => stream.destroy(new Error(`nothing was taken of an export for ${stallS} s`))
        const timer = setTimeout(stalled, stallS * MS_PER_S).unref()
        try {
          yield chunk
        } finally {
          clearTimeout(timer)
        }
        countStreamed(chunk.length * WASTE)
      }
    }
  }
  const stream = Readable.from(chunks(), { objectMode: false, highWaterMark: CHUNK })
  return stream
}
