import { headerName } from './header-names.ts'
import { nominatedBy, withoutNames } from './headers.ts'

/** Body bytes: a latin1 string when there are few (written to a socket with one copy), else a view of what was read. */
export type Piece = string | Buffer

export interface ResponseHead {
  status: number
  /** flat list with lower-case names, without framing, hop-by-hop and dropped fields, content-type included */
  headers: string[]
  vary: string | undefined
  trailer: string | undefined
  contentLength: string | undefined
  framing: 'none' | 'length' | 'chunked' | 'close'
  /** the upstream keeps the connection open after this answer */
  reusable: boolean
  /** text/event-stream: silence is normal */
  events: boolean
}

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
const MAX_CHUNK_LINE = 4_096
const HEAD_END = Buffer.from('\r\n\r\n')
const STATUS_LINE = /^HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/
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
  /** a piece of the last feed is a view: the buffer may not be read into again */
  retained = false

  private readonly maxHeaderBytes: number
  private phase: Phase = 'done'
  private headRequest = false
  private remaining = 0
  private digits = 0
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

  /** The upstream has ended its side. True when that completes the answer, which is then complete. */
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
      const text = chunk.toString('latin1', offset, Math.min(length, offset + STRING_LIMIT))
      const end = text.indexOf('\r\n\r\n')
      if (end >= 0) {
        if (end + 4 > this.maxHeaderBytes) return this.fail('the head is too large', length)
        this.text = text
        this.textStart = offset
        this.readHead(text, end)
        return offset + end + 4
      }
    }
    const next = this.gather(chunk, offset, length)
    if (next < 0) return length
    const text = this.gathered()
    this.readHead(text, text.length - 4)
    return next
  }

  /** Collects up to an empty line; the offset behind it, or -1 when it is not there yet. Linear for any way of splitting. */
  private gather(chunk: Buffer, offset: number, length: number): number {
    this.pending ??= Buffer.allocUnsafe(this.maxHeaderBytes)
    const used = this.pendingBytes
    const taken = chunk.copy(this.pending, used, offset, length)
    this.pendingBytes = used + taken
    const end = this.pending.subarray(0, used + taken).indexOf(HEAD_END, Math.max(0, used - 3))
    if (end >= 0) {
      this.pendingBytes = end + 4
      return offset + end + 4 - used
    }
    if (used + taken === this.pending.length) this.fail('the head is too large', length)
    return -1
  }

  private gathered(): string {
    const text = (this.pending as Buffer).toString('latin1', 0, this.pendingBytes)
    this.pending = undefined
    this.pendingBytes = 0
    return text
  }

  private readHead(text: string, end: number): void {
    const firstLine = text.indexOf('\r\n')
    if (!STATUS_LINE.test(text)) return void this.fail('not a status line', 0)
    const status = Number(text.slice(9, 12))
    if (status === 101) return void this.fail('an upgrade nobody asked for', 0)
    const head: ResponseHead = {
      status,
      headers: [],
      vary: undefined,
      trailer: undefined,
      contentLength: undefined,
      framing: 'close',
      reusable: text[7] === '1',
      events: false,
    }
    if (!this.readFields(text, firstLine + 2, end, head) || status < 200) return
    this.head = head
    this.frame(head)
  }

  /** Field lines into `head`, or into the trailers when there is none. False after a fault. */
  private readFields(text: string, start: number, end: number, head: ResponseHead | undefined): boolean {
    let encoding: string | undefined
    let nominated: Set<string> | undefined
    let position = start
    while (position < end) {
      let lineEnd = text.indexOf('\r\n', position)
      if (lineEnd < 0 || lineEnd > end) lineEnd = end
      const colon = text.indexOf(':', position)
      if (colon < 0 || colon > lineEnd) return this.refuse('a line without a colon')
      const name = headerName(text.slice(position, colon))
      if (name === undefined) return this.refuse('not a field name')
      const value = trimmed(text, colon + 1, lineEnd)
      if (NOT_IN_VALUE.test(value)) return this.refuse('a control character in a field')
      position = lineEnd + 2
      if (head === undefined) {
        if (!name.headOnly) this.trailers.push(name.lower, value)
        continue
      }
      switch (name.role) {
        case 'keep':
          head.headers.push(name.lower, value)
          break
        case 'content-type':
          head.headers.push(name.lower, value)
          head.events = /^text\/event-stream\b/i.test(value)
          break
        case 'content-length':
          if (head.contentLength !== undefined) return this.refuse('two content lengths')
          if (!/^\d{1,15}$/.test(value)) return this.refuse('a content length that is not a number')
          head.contentLength = value
          break
        case 'transfer-encoding':
          // HTTP/1.0 has no transfer codings: its reader would take the chunk lines for body (RFC 9112 6.1)
          if (encoding !== undefined || value.toLowerCase() !== 'chunked' || !head.reusable)
            return this.refuse('a transfer encoding other than chunked')
          encoding = value
          break
        case 'connection':
          nominated = nominatedBy(value, nominated)
          if (value === 'close' || nominated?.has('close') === true) head.reusable = false
          break
        case 'vary':
          head.vary = head.vary === undefined ? value : `${head.vary}, ${value}`
          break
        case 'trailer':
          head.trailer = value
          break
        case 'drop':
          break
      }
    }
    if (head === undefined) return true
    if (encoding !== undefined && head.contentLength !== undefined) return this.refuse('two framings')
    if (encoding !== undefined) head.framing = 'chunked'
    else if (head.contentLength !== undefined) head.framing = 'length'
    if (nominated !== undefined) head.headers = withoutNames(head.headers, nominated)
    return true
  }

  /** RFC 9112 6.3 */
  private frame(head: ResponseHead): void {
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
    const end = Math.min(length, offset + this.remaining)
    this.take(chunk, offset, end)
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
    this.digits = 0
    this.lineBytes = 0
  }

  /** The bytes between chunks (RFC 9112 7.1): size in hex, extensions (passed over), CRLF; and CRLF after the data. */
  private takeChunkLine(byte: number): void {
    if (this.phase === 'size') {
      const digit = hexDigit(byte)
      if (digit >= 0) {
        this.remaining = this.remaining * 16 + digit
        if (++this.digits > 12) this.fail('a chunk size out of range', 0)
      } else if (this.digits === 0) this.fail('not a chunk size', 0)
      else if (byte === CR) this.phase = 'size-end'
      else if (byte === 0x3b || byte === 0x20 || byte === 0x09) this.phase = 'extension'
      else this.fail('not a chunk size', 0)
    } else if (this.phase === 'extension') {
      if (byte === CR) this.phase = 'size-end'
      else if (byte === LF || ++this.lineBytes > MAX_CHUNK_LINE) this.fail('a chunk extension out of bounds', 0)
    } else if (this.phase === 'size-end') {
      if (byte !== LF) this.fail('a bare CR', 0)
      else if (this.remaining > 0) this.phase = 'chunk'
      else this.phase = 'trailers'
    } else if (byte !== (this.phase === 'chunk-cr' ? CR : LF)) {
      this.fail('a chunk longer than its size', 0)
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
    if (this.readFields(text, 2, text.length - 4, undefined)) this.finish()
    return next
  }

  private fail(reason: string, next: number): number {
    this.fault ??= reason
    return next
  }

  private refuse(reason: string): false {
    this.fault ??= reason
    return false
  }
}

function trimmed(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
