import { invalidField } from '#shared/problem.ts'
import { createBase64Decoder, notBase64, PIECE_CHARS } from './base64.ts'
import { createJsonPosition } from './json-position.ts'
import { createUnescape } from './json-unescape.ts'

/** Where the bytes of one data URL go. */
export interface Sink {
  write(bytes: Uint8Array): Promise<void>
  finish(): Promise<void>
}

interface DataUrl {
  sink: Sink
  decoder: ReturnType<typeof createBase64Decoder>
}

export interface ScannerOptions {
  /** A data URL begins: where its bytes go. Throws when there are too many. */
  begin(): Sink
  /** What takes the place of the data URL that was begun as number `index`; ASCII without quotes and backslashes. */
  placeholder(index: number): string
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const PREFIX = 'data:image/'
const HEADER_MAX = 256
/** What may stand between `data:image/` and the comma (RFC 2397). */
const HEADER = /^data:image\/[\w.+-]+(?:;[\w.+-]+=[\w.+"-]*)*;base64$/i

const badHeader = () => invalidField('body', 'images', 'a data URL must be data:image/<type>;base64,<data>')

/**
 * Takes the data URLs out of the top-level `images` array of a JSON text as it streams by, each to a sink, and leaves a
 * placeholder in its place; everything else passes through as it is. Knows just enough JSON to tell where it is:
 * whether the text is JSON at all is for the parser that reads what is left.
 */
export function createImageScanner({ begin, placeholder }: ScannerOptions) {
  const position = createJsonPosition()
  const unescape = createUnescape()
  let state: 'outside' | 'string' | 'probe' | 'header' | 'data' = 'outside'
  let escaped = false
  /** Raw bytes of a string that may yet turn out to be a data URL. */
  let held: number[] = []
  let header = ''
  let count = 0
  let data: DataUrl | undefined

  function startData(): void {
    if (!HEADER.test(header)) throw badHeader()
    state = 'data'
    data = { sink: begin(), decoder: createBase64Decoder() }
  }

  /** One byte of a string that may be, or is, the beginning of a data URL; true when it turned out to be none. */
  function probe(byte: number): boolean {
    if (state === 'probe') held.push(byte)
    const char = unescape(byte)
    if (char === undefined) return false
    header += char
    if (state === 'probe') {
      if (!PREFIX.startsWith(header.toLowerCase())) return true
      if (header.length === PREFIX.length) state = 'header'
    } else if (char === ',') {
      header = header.slice(0, -1)
      startData()
    } else if (header.length > HEADER_MAX) throw badHeader()
    return false
  }

  async function flush({ decoder, sink }: DataUrl): Promise<void> {
    const bytes = decoder.take()
    if (bytes.length > 0) await sink.write(bytes)
  }

  function addEscaped({ decoder }: DataUrl, byte: number): void {
    const char = unescape(byte)
    if (char !== undefined) decoder.add(char.charCodeAt(0))
  }

  /** Data from `index` on; the index of the closing quote, or the end of the chunk. */
  async function takeData(data: DataUrl, chunk: Buffer, index: number): Promise<number> {
    const { decoder } = data
    while (unescape.isInside() && index < chunk.length) addEscaped(data, chunk[index++] as number)
    const quote = chunk.indexOf(QUOTE, index)
    const end = quote === -1 ? chunk.length : quote
    let slash = chunk.indexOf(BACKSLASH, index)
    while (index < end) {
      if (slash !== -1 && slash < index) slash = chunk.indexOf(BACKSLASH, index)
      if (unescape.isInside() || slash === index) addEscaped(data, chunk[index++] as number)
      else {
        const stop = Math.min(end, index + PIECE_CHARS, slash === -1 ? end : slash)
        decoder.push(chunk, index, stop)
        index = stop
      }
      if (decoder.isFull()) await flush(data)
    }
    await flush(data)
    return end
  }

  async function endData(data: DataUrl): Promise<Buffer> {
    if (unescape.isInside()) throw notBase64()
    data.decoder.end()
    await flush(data)
    await data.sink.finish()
    return Buffer.from(placeholder(count++))
  }

  return {
    /** What of a piece of the text is left. Throws a Problem for a data URL that is not right, and what a sink throws. */
    async scan(chunk: Buffer): Promise<Buffer[]> {
      const left: Buffer[] = []
      // First byte of this chunk that passes through and was not put into `left` yet.
      let from = state === 'outside' || state === 'string' ? 0 : chunk.length
      let index = 0
      while (index < chunk.length) {
        const byte = chunk[index] as number
        if (data !== undefined) {
          index = await takeData(data, chunk, index)
          if (index === chunk.length) break
          left.push(await endData(data))
          data = undefined
          state = 'outside'
          from = index++
          continue
        }
        index++
        if (state === 'string') {
          if (escaped) escaped = false
          else if (byte === BACKSLASH) escaped = true
          else if (byte === QUOTE) state = 'outside'
          if (state === 'string') position.key(byte)
        } else if (state === 'outside') {
          if (byte !== QUOTE) position.structure(byte)
          else if (position.stringStarts() !== 'image') state = 'string'
          else {
            left.push(chunk.subarray(from, index))
            state = 'probe'
            held = []
            header = ''
          }
        } else if (byte === QUOTE && !unescape.isInside()) {
          if (state === 'header') throw badHeader()
          left.push(Buffer.from(held))
          state = 'outside'
          from = index - 1
        } else if (probe(byte)) {
          left.push(Buffer.from(held))
          state = 'string'
          from = index
        }
      }
      if (state === 'outside' || state === 'string') left.push(chunk.subarray(from))
      return left
    },
  }
}
