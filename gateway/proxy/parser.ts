import { readHead, readTrailers } from './response-head.ts'
import type { ResponseHead } from './response-head.ts'

/** Body bytes: a latin1 string when there are few (written to a socket with one copy), else a view of what was read. */
export type Piece = string | Buffer

type Phase =
  | 'head'
  | 'content'
  | 'size'
  | 'extension'
  | 'size-end'
  | 'chunk'
  | 'chunk-cr'
  | 'chunk-lf'
  | 'trailers'
  | 'close'
  | 'done'

// Node writes a string of up to 16 KB from the stack in one system call; the head takes a part of it.
const STRING_LIMIT = 14 * 1024
/** where the end of a head is looked for first when what arrived is longer than that */
const HEAD_WINDOW = 2_048
const MAX_CHUNK_EXTENSION = 4_096
const HEAD_END = Buffer.from('\r\n\r\n')
const CR = 13
const LF = 10

/**
 * Incremental HTTP/1.1 response parser (RFC 9112), strict: what two readers could frame differently is a fault. One per
 * connection: `start` before each request, then `feed` with what arrives. What a feed brought is in the public fields.
 */
export class ResponseParser {
  /** set once the final head is complete; 1xx heads are passed over */
  head: ResponseHead | undefined
  /** of the last feed */
  pieces: Piece[] = []
  trailers: string[] = []
  complete = false
  /** why the answer is not acceptable */
  fault: string | undefined
  /** some byte of the answer has arrived */
  started = false
  /** bytes came after the end of the answer */
  excess = false
  /** a piece of the last feed is a view: the buffer may not be read into again while it is in use */
  retained = false

  private readonly maxHeaderBytes: number
  private phase: Phase = 'done'
  private headRequest = false
  private remaining = 0
  private lineBytes = 0
  private text = ''
  private textStart = 0
  private pending: Buffer | undefined
  private pendingBytes = 0

  constructor(maxHeaderBytes: number) {
    this.maxHeaderBytes = maxHeaderBytes
  }

  /** @param method of the request: an answer to HEAD has no body */
  start(method: string): void {
    this.head = undefined
    this.complete = false
    this.fault = undefined
    this.started = false
    this.excess = false
    this.phase = 'head'
    this.headRequest = method === 'HEAD'
    this.pending = undefined
    this.pendingBytes = 0
    if (this.trailers.length > 0) this.trailers = []
  }

  feed(chunk: Buffer, length: number): void {
    this.started = true
    this.retained = false
    this.pieces = []
    this.text = ''
    let offset = 0
    while (offset < length && this.fault === undefined) {
      if (this.phase === 'head') offset = this.takeHead(chunk, offset, length)
      else if (this.phase === 'content' || this.phase === 'chunk') offset = this.takeBody(chunk, offset, length)
      else if (this.phase === 'close') offset = this.take(chunk, offset, length)
      else if (this.phase === 'trailers') offset = this.takeTrailers(chunk, offset, length)
      else if (this.phase === 'done') {
        this.excess = true
        break
      } else this.takeChunkLine(chunk[offset++] as number)
    }
  }

  /** The upstream has ended its side. True when that completes the answer. */
  eof(): boolean {
    this.pieces = []
    if (this.phase === 'close' && this.fault === undefined) this.finish()
    return this.complete
  }

  private finish(): void {
    this.phase = 'done'
    this.complete = true
  }

  private takeHead(chunk: Buffer, offset: number, length: number): number {
    if (this.pending === undefined) {
      const window = length - offset > STRING_LIMIT ? offset + HEAD_WINDOW : length
      const text = chunk.toString('latin1', offset, window)
      const end = text.indexOf('\r\n\r\n')
      if (end >= 0) {
        this.text = text
        this.textStart = offset
        if (end + 4 > this.maxHeaderBytes) this.fault = 'the head is too large'
        else this.accept(readHead(text, end))
        return offset + end + 4
      }
    }
    const next = this.gather(chunk, offset, length)
    if (next < 0) return length
    const text = this.gathered()
    this.accept(readHead(text, text.length - 4))
    return next
  }

  /** Collects up to an empty line; the offset behind it, or -1 when it is not there yet. Linear for any way of splitting. */
  private gather(chunk: Buffer, offset: number, length: number): number {
    this.pending ??= Buffer.allocUnsafe(this.maxHeaderBytes)
    const used = this.pendingBytes
    const taken = chunk.copy(this.pending, used, offset, length)
    const end = this.pending.subarray(0, used + taken).indexOf(HEAD_END, Math.max(0, used - 3))
    if (end >= 0) {
      this.pendingBytes = end + 4
      return offset + end + 4 - used
    }
    this.pendingBytes = used + taken
    if (this.pendingBytes === this.pending.length) this.fault = 'the head is too large'
    return -1
  }

  private gathered(): string {
    const text = (this.pending as Buffer).toString('latin1', 0, this.pendingBytes)
    this.pending = undefined
    this.pendingBytes = 0
    return text
  }

  /** RFC 9112 6.3 */
  private accept(head: ResponseHead | string): void {
    if (typeof head === 'string') {
      this.fault = head
      return
    }
    if (head.status < 200) return
    this.head = head
    if (this.headRequest || head.status === 204 || head.status === 304) {
      head.framing = 'none'
      this.finish()
    } else if (head.framing === 'chunked') {
      this.startChunkLine()
    } else if (head.framing === 'close') {
      head.reusable = false
      this.phase = 'close'
    } else {
      this.remaining = Number(head.contentLength)
      if (this.remaining === 0) this.finish()
      else this.phase = 'content'
    }
  }

  private takeBody(chunk: Buffer, offset: number, length: number): number {
    const end = this.take(chunk, offset, Math.min(length, offset + this.remaining))
    this.remaining -= end - offset
    if (this.remaining === 0) {
      if (this.phase === 'chunk') this.phase = 'chunk-cr'
      else this.finish()
    }
    return end
  }

  private take(chunk: Buffer, start: number, end: number): number {
    const textEnd = end - this.textStart
    if (this.text !== '' && textEnd <= this.text.length) {
      this.pieces.push(this.text.slice(start - this.textStart, textEnd))
    } else if (end - start <= STRING_LIMIT) {
      this.pieces.push(chunk.toString('latin1', start, end))
    } else {
      this.retained = true
      this.pieces.push(chunk.subarray(start, end))
    }
    return end
  }

  private startChunkLine(): void {
    this.phase = 'size'
    this.remaining = 0
    this.lineBytes = 0
  }

  /** The bytes between chunks (RFC 9112 7.1): size in hex, extensions (passed over), CRLF; and CRLF after the data. */
  private takeChunkLine(byte: number): void {
    if (this.phase === 'size') {
      const digit = hexDigit(byte)
      if (digit >= 0) {
        this.remaining = this.remaining * 16 + digit
        if (++this.lineBytes > 12) this.fault = 'a chunk size out of range'
      } else if (this.lineBytes === 0) this.fault = 'not a chunk size'
      else if (byte === CR) this.phase = 'size-end'
      else if (byte === 0x3b || byte === 0x20 || byte === 0x09) this.phase = 'extension'
      else this.fault = 'not a chunk size'
    } else if (this.phase === 'extension') {
      if (byte === CR) this.phase = 'size-end'
      else if (byte === LF || ++this.lineBytes > MAX_CHUNK_EXTENSION) this.fault = 'a chunk extension out of bounds'
    } else if (this.phase === 'size-end') {
      if (byte !== LF) this.fault = 'a bare CR'
      else this.phase = this.remaining > 0 ? 'chunk' : 'trailers'
    } else if (byte !== (this.phase === 'chunk-cr' ? CR : LF)) {
      this.fault = 'a chunk longer than its size'
    } else if (this.phase === 'chunk-cr') this.phase = 'chunk-lf'
    else this.startChunkLine()
  }

  private takeTrailers(chunk: Buffer, offset: number, length: number): number {
    if (this.pending === undefined) {
      if (chunk[offset] === CR && chunk[offset + 1] === LF && offset + 1 < length) {
        this.finish()
        return offset + 2
      }
      // with the line end before it, a section of no fields ends with an empty line like any other
      this.pending = Buffer.allocUnsafe(this.maxHeaderBytes)
      this.pendingBytes = this.pending.write('\r\n', 'latin1')
    }
    const next = this.gather(chunk, offset, length)
    if (next < 0) return length
    const text = this.gathered()
    this.fault = readTrailers(text, 2, text.length - 4, this.trailers)
    if (this.fault === undefined) this.finish()
    return next
  }
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
