import { headerName } from './header-names.ts'
import { nominatedBy, withoutNames } from './headers.ts'

export interface ResponseHead {
  status: number
  /** flat list with lower-case names, without framing, hop-by-hop and dropped fields and Vary */
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

const STATUS_LINE = /^HTTP\/1\.[01] [1-5]\d\d(?: [\t\x20-\x7e\x80-\xff]*)?\r\n/
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * Reads `text` up to `end`, where its empty line begins (RFC 9112 4 and 5).
 * @returns the head, or why it is not acceptable
 */
export function readHead(text: string, end: number): ResponseHead | string {
  if (!STATUS_LINE.test(text)) return 'not a status line'
  const head: ResponseHead = {
    status: Number(text.slice(9, 12)),
    headers: [],
    vary: undefined,
    trailer: undefined,
    contentLength: undefined,
    framing: 'close',
    reusable: text[7] === '1',
    events: false,
  }
  if (head.status === 101) return 'an upgrade nobody asked for'
  const fault = readFields(text, text.indexOf('\r\n') + 2, end, head, undefined)
  if (fault !== undefined) return fault
  if (head.framing === 'chunked' && head.contentLength !== undefined) return 'two framings'
  if (head.contentLength !== undefined) head.framing = 'length'
  return head
}

/** Reads the field lines from `start` to `end` into `trailers`. @returns why they are not acceptable */
export function readTrailers(text: string, start: number, end: number, trailers: string[]): string | undefined {
  return readFields(text, start, end, undefined, trailers)
}

function readFields(
  text: string,
  start: number,
  end: number,
  head: ResponseHead | undefined,
  trailers: string[] | undefined,
): string | undefined {
  let nominated: Set<string> | undefined
  let position = start
  while (position < end) {
    let lineEnd = text.indexOf('\r\n', position)
    if (lineEnd < 0 || lineEnd > end) lineEnd = end
    const colon = text.indexOf(':', position)
    if (colon < 0 || colon > lineEnd) return 'a line without a colon'
    const name = headerName(text.slice(position, colon))
    if (name === undefined) return 'not a field name'
    const value = trimmed(text, colon + 1, lineEnd)
    if (NOT_IN_VALUE.test(value)) return 'a control character in a field'
    position = lineEnd + 2
    if (head === undefined) {
      if (!name.headOnly) trailers?.push(name.lower, value)
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
        if (head.contentLength !== undefined) return 'two content lengths'
        if (!/^\d{1,15}$/.test(value)) return 'a content length that is not a number'
        head.contentLength = value
        break
      case 'transfer-encoding':
        // HTTP/1.0 has no transfer codings: its reader would take the chunk lines for body (RFC 9112 6.1)
        if (head.framing === 'chunked' || value.toLowerCase() !== 'chunked' || text[7] !== '1')
          return 'a transfer encoding other than chunked'
        head.framing = 'chunked'
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
  if (head !== undefined && nominated !== undefined) head.headers = withoutNames(head.headers, nominated)
  return undefined
}

function trimmed(text: string, start: number, end: number): string {
  while (start < end && isBlank(text.charCodeAt(start))) start++
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}
