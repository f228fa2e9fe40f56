import type { IncomingMessage } from 'node:http'
import type { Exchange } from './contract.ts'

// Beyond latin1 a character loses its high byte on the wire: U+010A would become a line feed.
const NOT_IN_TARGET = /[^\x21-\x7e\x80-\xff]/
const NOT_IN_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/**
 * The request line and fields as they go upstream, with the framing of the body as the client chose it.
 * @param host sent when the list has none (RFC 9112 3.2)
 * @throws TypeError when the path or a value could not be sent as one: a fault of the caller, not of the client
 */
export function requestHead(exchange: Exchange, host: string): string {
  if (NOT_IN_TARGET.test(exchange.path)) {
    throw new TypeError('the path sent upstream has a character that must be encoded')
  }
  let head = `${exchange.request.method} ${exchange.path} HTTP/1.1\r\n`
  let hasHost = false
  const headers = exchange.requestHeaders
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const value = headers[i + 1] as string
    if (NOT_IN_VALUE.test(value)) throw new TypeError(`the value of ${name} cannot be sent in a header`)
    if (name.length === 4 && name.toLowerCase() === 'host') hasHost = true
    head += `${name}: ${value}\r\n`
  }
  return `${head}${hasHost ? '' : `host: ${host}\r\n`}${framing(exchange.request)}\r\n`
}

/** Bytes of the request's body, 0 when it has none, Infinity when it comes in chunks. */
export function bodyLength({ headers }: IncomingMessage): number {
  if (headers['transfer-encoding'] !== undefined) return Infinity
  return headers['content-length'] === undefined ? 0 : Number(headers['content-length'])
}

function framing({ headers }: IncomingMessage): string {
  const length = headers['content-length']
  if (headers['transfer-encoding'] === undefined) return length === undefined ? '' : `content-length: ${length}\r\n`
  return `transfer-encoding: chunked\r\n${headers.trailer === undefined ? '' : `trailer: ${headers.trailer}\r\n`}`
}

export function awaitsContinue({ headers, httpVersion }: IncomingMessage): boolean {
  return headers.expect !== undefined && httpVersion === '1.1' && headers.expect.toLowerCase() === '100-continue'
}
