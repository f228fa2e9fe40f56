import { answerHeaders, flatHeaders } from './answer-headers.ts'
import type { Exchange } from './contract.ts'
import type { Piece, ResponseParser } from './parser.ts'
import type { ResponseHead } from './response-head.ts'

/**
 * Writes the head of the client's answer. An answer that is already complete gets a length and goes out in one write.
 * @param close the connection is not kept for another request
 * @returns false when a field cannot be written
 */
export function startAnswer(exchange: Exchange, head: ResponseHead, parser: ResponseParser, close: boolean): boolean {
  const { response } = exchange
  const headers = answerHeaders(head, flatHeaders(exchange.responseHeaders), exchange.yielding)
  if (head.contentLength !== undefined && head.status !== 204) {
    headers.push('content-length', head.contentLength)
  } else if (parser.complete && head.framing !== 'none' && parser.trailers.length === 0) {
    headers.push('content-length', String(size(parser.pieces)))
  } else if (head.trailer !== undefined && head.framing === 'chunked' && response.useChunkedEncodingByDefault) {
    // HTTP/1.0 clients and answers to HEAD have no chunks to put trailers behind; Node throws when it is announced
    headers.push('trailer', head.trailer)
  }
  if (close) headers.push('connection', 'close')
  try {
    response.writeHead(head.status, headers)
    return true
  } catch {
    return false
  }
}

/** Writes what the last feed brought, or at least the head. @returns body bytes written */
export function writePieces(exchange: Exchange, parser: ResponseParser): number {
  const { response } = exchange
  const { socket } = response
  const bytes = size(parser.pieces)
  // Corked by us, the socket is not corked by Node until the next tick: head and pieces leave now, in one system call.
  socket?.cork()
  if (bytes === 0) response.flushHeaders()
  for (const piece of parser.pieces) response.write(piece, 'latin1')
  socket?.uncork()
  releaseBuffer(exchange, parser)
  return bytes
}

/** Writes what the last feed brought, the trailers, and the end. @returns body bytes written */
export function endAnswer(exchange: Exchange, parser: ResponseParser): number {
  const { response } = exchange
  const { pieces, trailers } = parser
  const last = pieces.length - 1
  if (trailers.length > 0 && response.chunkedEncoding) response.addTrailers(pairs(trailers))
  for (let i = 0; i < last; i++) response.write(pieces[i] as Piece, 'latin1')
  if (last < 0) response.end()
  else response.end(pieces[last], 'latin1')
  releaseBuffer(exchange, parser)
  return size(pieces)
}

/** When the kernel has taken everything at once, as it mostly does, the connection may read into the same buffer again. */
function releaseBuffer(exchange: Exchange, parser: ResponseParser): void {
  if (parser.retained && exchange.response.writableLength === 0 && exchange.request.socket.writableLength === 0)
    parser.retained = false
}

function size(pieces: readonly Piece[]): number {
  let bytes = 0
  for (const piece of pieces) bytes += piece.length
  return bytes
}

function pairs(flat: readonly string[]): Array<[string, string]> {
  const list: Array<[string, string]> = []
  for (let i = 0; i < flat.length; i += 2) list.push([flat[i] as string, flat[i + 1] as string])
  return list
}
