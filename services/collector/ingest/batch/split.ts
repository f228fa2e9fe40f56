/** Why a stream of reports cannot be read on, and where: bytes from 0, with its content coding undone. */
export class BrokenBatch extends Error {
  override name = 'BrokenBatch'
  constructor(reason: string, byte: number) {
    super(`${reason} (at byte ${byte})`)
  }
}

/** One report of a stream: its bytes, or that it was too long to be kept. */
export type Piece = { bytes: Buffer } | { tooLong: true }

const [QUOTE, BACKSLASH, COMMA, NEWLINE] = [0x22, 0x5c, 0x2c, 0x0a]
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]
const isSpace = (byte: number) => byte === 0x20 || byte === NEWLINE || byte === 0x0d || byte === 0x09
function isBlank(bytes: Buffer): boolean {
  for (const byte of bytes) if (!isSpace(byte)) return false
  return true
}

export interface Splitter {
  /** Takes in the next bytes; gives the pieces that they complete, those before a fault too. @throws BrokenBatch */
  add(chunk: Buffer): Iterable<Piece>
  /** @returns what is left at the end. @throws BrokenBatch for a stream that ended too early */
  end(): Piece[]
}

/** Gathers the bytes of one piece; of one that is too long, none. */
function gatherer(maxBytes: number) {
  let parts: Buffer[] = []
  let size = 0
  return {
    size: () => size,
    add(part: Buffer): void {
      if (part.length === 0) return
      size += part.length
      if (size <= maxBytes) parts.push(part)
      else parts = []
    },
    take(): Piece | undefined {
      const bytes = size <= maxBytes ? Buffer.concat(parts) : undefined
      parts = []
      size = 0
      if (bytes === undefined) return { tooLong: true }
      return isBlank(bytes) ? undefined : { bytes }
    },
  }
}

/**
 * Lines (https://github.com/ndjson/ndjson-spec): JSON has no raw line break, so every one is between two values.
 * @param blanksMax lines without anything that are passed over at most: they compress to nothing, and each is work
 */
export function lineSplitter(maxBytes: number, blanksMax: number): Splitter {
  const piece = gatherer(maxBytes)
  let [blanks, before] = [0, 0]

  function passOver(byte: number): void {
    if (++blanks > blanksMax) throw new BrokenBatch(`it has more than ${blanksMax} blank lines`, byte)
  }

  return {
    *add(chunk) {
      let from = 0
      for (let to = chunk.indexOf(NEWLINE); to >= 0; to = chunk.indexOf(NEWLINE, from)) {
        if (to === from && piece.size() === 0) passOver(before + to)
        else {
          piece.add(chunk.subarray(from, to))
          const taken = piece.take()
          if (taken === undefined) passOver(before + to)
          else yield taken
        }
        from = to + 1
      }
      piece.add(chunk.subarray(from))
      before += chunk.length
    },
    end() {
      const last = piece.take()
      return last === undefined ? [] : [last]
    },
  }
}

/** The items of one JSON array: brackets are counted outside of texts, so that a value is parsed only when it is whole. */
export function arraySplitter(maxBytes: number): Splitter {
  const piece = gatherer(maxBytes)
  let state: 'before' | 'inside' | 'after' = 'before'
  let depth = 0
  let inText = false
  let escaped = false
  let [items, before] = [0, 0]

  /** What was gathered up to a comma or the end of the array. @param byte its place */
  function close(isLast: boolean, byte: number): Piece[] {
    const taken = piece.take()
    if (taken === undefined && (!isLast || items > 0)) throw new BrokenBatch('a comma has no item beside it', byte)
    items++
    return taken === undefined ? [] : [taken]
  }

  /** The place after the end of a text that begins before `from`; the end of the chunk when it goes on. */
  function skipText(chunk: Buffer, from: number): number {
    for (let i = from; i < chunk.length; i++) {
      if (escaped) escaped = false
      else if (chunk[i] === BACKSLASH) escaped = true
      else if (chunk[i] === QUOTE) {
        inText = false
        return i + 1
      }
    }
    return chunk.length
  }

  return {
    *add(chunk) {
      let from = 0
      let i = 0
      while (i < chunk.length) {
        if (inText) {
          i = skipText(chunk, i)
          continue
        }
        const byte = chunk[i++] as number
        if (state === 'inside') {
          if (byte === QUOTE) inText = true
          else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) depth++
          else if (depth > 0 && (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY)) depth--
          else if (depth === 0 && (byte === COMMA || byte === CLOSE_ARRAY)) {
            piece.add(chunk.subarray(from, i - 1))
            from = i
            yield* close(byte === CLOSE_ARRAY, before + i - 1)
            if (byte === CLOSE_ARRAY) state = 'after'
          }
        } else if (!isSpace(byte)) {
          if (state === 'after' || byte !== OPEN_ARRAY) {
            const reason = state === 'after' ? 'something follows the array' : 'it is not a JSON array'
            throw new BrokenBatch(reason, before + i - 1)
          }
          state = 'inside'
          from = i
        }
      }
      if (state === 'inside') piece.add(chunk.subarray(from))
      before += chunk.length
    },
    end() {
      if (state !== 'after') throw new BrokenBatch('it ends before the array does', before)
      return []
    },
  }
}
