import { countStreamed } from '#shared/streamed.ts'
import { Readable } from 'node:stream'
import { representation } from '../../reports/representation.ts'
import type { ScannedReport } from '../../reports/store.ts'
import type { ExportConfig } from '../settings.ts'

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
 * Watches what a reader takes. Only the time counts in which something waits for it, not the time that it takes to make more.
 * @param stallS time over which its pace is taken
 * @param rateMin bytes a second
 */
function createPace(stallS: number, rateMin: number) {
  let [waitedMs, taken] = [0, 0]
  /** @throws Error when it was too slow */
  return (bytes: number, ms: number): void => {
    waitedMs += ms
    taken += bytes
    if (waitedMs < stallS * MS_PER_S) return
    if (taken < (rateMin * waitedMs) / MS_PER_S)
      throw new Error(`less than ${rateMin} bytes a second were taken of an export`)
    waitedMs = taken = 0
  }
}

/**
 * Pieces as a stream that makes them as they are taken. It ends at once when its reader leaves, and by itself when the reader
 * takes nothing for EXPORT_STALL_S, or less than EXPORT_RATE_MIN_BYTES a second for that time.
 */
export function streamOf(
  groups: AsyncIterable<Buffer[]>,
  {
    EXPORT_STALL_S: stallS,
    EXPORT_RATE_MIN_BYTES: rateMin,
  }: Pick<ExportConfig, 'EXPORT_STALL_S' | 'EXPORT_RATE_MIN_BYTES'>,
): Readable {
  const paced = createPace(stallS, rateMin)
  async function* chunks(): AsyncGenerator<Buffer> {
    for await (const pieces of groups) {
      for (const chunk of gathered(pieces)) {
        const stalled = () => stream.destroy(new Error(`nothing was taken of an export for ${stallS} s`))
        const timer = setTimeout(stalled, stallS * MS_PER_S).unref()
        const given = performance.now()
        try {
          yield chunk
        } finally {
          clearTimeout(timer)
        }
        paced(chunk.length, performance.now() - given)
        countStreamed(chunk.length * WASTE)
      }
    }
  }
  const stream = Readable.from(chunks(), { objectMode: false, highWaterMark: CHUNK })
  return stream
}
