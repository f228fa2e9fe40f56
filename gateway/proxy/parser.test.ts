import fc from 'fast-check'
import t from 'tap'
import { ResponseParser } from './parser.ts'
import type { Piece } from './parser.ts'

interface Result {
  status: number | undefined
  headers: string[] | undefined
  trailers: string[]
  body: string
  complete: boolean
  excess: boolean
  failed: boolean
}

function bytesOf(piece: Piece): string {
  return typeof piece === 'string' ? piece : piece.toString('latin1')
}

/** Feeds `cuts`-sized parts through one reused buffer, as a socket does. */
function parse(wire: string, cuts: readonly number[] = [], method = 'GET', limit = 65_536, eof = false): Result {
  const parser = new ResponseParser(limit)
  parser.start(method)
  const bytes = Buffer.from(wire, 'latin1')
  let buffer = Buffer.alloc(Math.max(1, bytes.length))
  let body = ''
  let offset = 0
  let cut = 0
  while (offset < bytes.length && parser.fault === undefined && !parser.complete) {
    const size = Math.min(cuts[cut++] ?? bytes.length, bytes.length - offset)
    bytes.copy(buffer, 0, offset, offset + size)
    parser.feed(buffer, size)
    const pieces = parser.pieces
    if (parser.retained) buffer = Buffer.alloc(bytes.length)
    else buffer.fill('!')
    for (const piece of pieces) body += bytesOf(piece)
    offset += size
  }
  if (eof) parser.eof()
  return {
    status: parser.head?.status,
    headers: parser.head?.headers,
    trailers: parser.trailers,
    body,
    complete: parser.complete,
    excess: parser.excess || offset < bytes.length,
    failed: parser.fault !== undefined,
  }
}

const VALID: Record<string, string> = {
  length: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "a"\r\n\r\nhello',
  'chunked with extensions and trailers':
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n' +
    '5;a=b\r\nhello\r\nA \r\n0123456789\r\n000;last\r\nX-Sum: 15\r\nX-More: y\r\n\r\n',
  'chunked without trailers': 'HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n',
  'early hints first':
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok',
  'no content': 'HTTP/1.1 204 No Content\r\nX-A: 1\r\n\r\n',
  'not modified with a length': 'HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n',
  'no reason phrase': 'HTTP/1.1 200\r\ncontent-length: 0\r\n\r\n',
  'no fields but a length of many bytes': `HTTP/1.1 200 OK\r\nContent-Length: 40000\r\n\r\n${'z'.repeat(40_000)}`,
}

t.test('a well-formed answer is read the same however it is split', async (t) => {
  for (const [name, wire] of Object.entries(VALID)) {
    const whole = parse(wire)
    t.equal(whole.complete, true, name)
    t.equal(whole.failed, false, name)
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 })), (cuts) => {
        t.strictSame(parse(wire, cuts), whole)
      }),
      { numRuns: 30 },
    )
    t.strictSame(parse(wire, Array<number>(wire.length).fill(1)), whole, `${name}, one byte at a time`)
  }
})

t.test('any body in any chunking comes out whole', async (t) => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 })
  fc.assert(
    fc.property(chunks, fc.array(fc.integer({ min: 1, max: 200 })), (parts, cuts) => {
      const texts = parts.map((part) => Buffer.from(part).toString('latin1'))
      const wire = texts.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')
      const result = parse(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${wire}0\r\n\r\n`, cuts)
      t.equal(result.body, texts.join(''))
      t.equal(result.complete, true)
    }),
    { numRuns: 200 },
  )
})

t.test('arbitrary bytes never throw and are never taken for a complete answer unless they are one', async () => {
  const words = fc.constantFrom(
    'HTTP/1.1 200 OK\r\n',
    'Content-Length: 3\r\n',
    'Transfer-Encoding: chunked\r\n',
    '\r\n',
    '3\r\n',
    'abc',
    '0\r\n',
    ':',
    '\n',
  )
  fc.assert(
    fc.property(fc.array(words, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 9 })), (parts, cuts) => {
      const wire = parts.join('')
      const whole = parse(wire)
      const split = parse(wire, cuts)
      return whole.complete === split.complete && whole.failed === split.failed
    }),
    { numRuns: 500 },
  )
})

t.test('an answer until the end of the connection is complete only then', async (t) => {
  const wire = 'HTTP/1.1 200 OK\r\nX-A: 1\r\n\r\nall there is'
  t.equal(parse(wire).complete, false)
  const ended = parse(wire, [], 'GET', 65_536, true)
  t.equal(ended.complete, true)
  t.equal(ended.body, 'all there is')
  for (const cut of [
    'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
    'HTTP/1.1 2',
    '',
  ])
    t.equal(parse(cut, [], 'GET', 65_536, true).complete, false, JSON.stringify(cut))
})

t.test('an answer to HEAD has no body whatever its fields say', async (t) => {
  for (const framing of ['Content-Length: 500', 'Transfer-Encoding: chunked', 'X-None: 1'])
    t.equal(parse(`HTTP/1.1 200 OK\r\n${framing}\r\n\r\n`, [], 'HEAD').complete, true, framing)
})

const HEAD = 'HTTP/1.1 200 OK\r\n'
const CHUNKED = `${HEAD}Transfer-Encoding: chunked\r\n\r\n`
const FAULTS: Record<string, string> = {
  'no status line': 'hello there\r\n\r\n',
  'another protocol': 'SSH-2.0-OpenSSH_9.2\r\n\r\n',
  'HTTP/2': 'HTTP/2.0 200 OK\r\n\r\n',
  'a status of two digits': 'HTTP/1.1 20 OK\r\n\r\n',
  'a status of 600': 'HTTP/1.1 600 OK\r\n\r\n',
  'a status in exponent form': 'HTTP/1.1 2e2 OK\r\n\r\n',
  'a bare line feed in the status line': 'HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n',
  'an upgrade': 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n',
  'two equal lengths': `${HEAD}Content-Length: 2\r\nContent-Length: 2\r\n\r\nok`,
  'two lengths in one field': `${HEAD}Content-Length: 2, 2\r\n\r\nok`,
  'a negative length': `${HEAD}Content-Length: -2\r\n\r\nok`,
  'a signed length': `${HEAD}Content-Length: +2\r\n\r\nok`,
  'a hexadecimal length': `${HEAD}Content-Length: 0x2\r\n\r\nok`,
  'an empty length': `${HEAD}Content-Length: \r\n\r\nok`,
  'length and chunks': `${HEAD}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'another coding': `${HEAD}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
  'chunked twice': `${HEAD}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  'chunks in HTTP/1.0': 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
  'a space before the colon': `${HEAD}Content-Length : 2\r\n\r\nok`,
  'a folded line': `${HEAD}X-A: 1\r\n 2\r\n\r\n`,
  'a line without a colon': `${HEAD}nonsense\r\nX-A: 1\r\n\r\n`,
  'a NUL in a value': `${HEAD}X-A: 1\0\r\n\r\n`,
  'a bare line feed in a value': `${HEAD}X-A: 1\nX-B: 2\r\n\r\n`,
  'a bare carriage return in a value': `${HEAD}X-A: 1\rX-B: 2\r\n\r\n`,
  'no chunk size': `${CHUNKED}\r\nhello\r\n`,
  'a chunk size that is no number': `${CHUNKED}g\r\nhello\r\n`,
  'a signed chunk size': `${CHUNKED}+5\r\nhello\r\n`,
  'a prefixed chunk size': `${CHUNKED}0x5\r\nhello\r\n`,
  'a chunk size out of range': `${CHUNKED}fffffffffffffff\r\nhello\r\n`,
  'a chunk longer than its size': `${CHUNKED}2\r\nhello\r\n`,
  'a chunk size line that ends in a bare line feed': `${CHUNKED}5;a\nhello\r\n`,
  'a chunk size followed by a bare carriage return': `${CHUNKED}5\rhello\r\n`,
  'a chunk extension without an end': `${CHUNKED}5;${'a'.repeat(9000)}`,
  'a bad trailer': `${CHUNKED}0\r\nno colon\r\n\r\n`,
}

t.test('what two readers could take for different answers is a fault, split or not', async (t) => {
  for (const [name, wire] of Object.entries(FAULTS)) {
    t.equal(parse(wire).failed, true, name)
    t.equal(parse(wire, Array<number>(wire.length).fill(1)).failed, true, `${name}, one byte at a time`)
  }
})

t.test('a head over the limit is a fault, one at the limit is not', async (t) => {
  const head = (size: number): string => `${HEAD}Content-Length: 0\r\nX: ${'a'.repeat(size - 43)}\r\n\r\n`
  t.equal(head(500).length, 500)
  for (const cuts of [[], Array<number>(600).fill(1)]) {
    t.equal(parse(head(500), cuts, 'GET', 500).complete, true)
    t.equal(parse(head(501), cuts, 'GET', 500).failed, true)
  }
  t.equal(parse(`${HEAD}X: ${'a'.repeat(90_000)}`, [], 'GET', 65_536).failed, true, 'before its end is seen')
  t.equal(parse(head(60_000)).complete, true, 'larger than the fast path')
  t.equal(parse(`${CHUNKED}0\r\n${'X-T: 1\r\n'.repeat(10_000)}`).failed, true, 'trailers too')
})

t.test('bytes after the end are noticed', async (t) => {
  const wire = VALID.length as string
  t.equal(parse(`${wire}x`).excess, true)
  t.equal(parse(`${VALID['no content']}body`).excess, true)
  t.equal(parse(wire).excess, false)
})

t.test('framing, hop-by-hop and telling fields are not passed on', async (t) => {
  const result = parse(
    `${HEAD}Server: nginx\r\nX-Powered-By: Express\r\nConnection: X-Hop, close\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\n` +
      'Access-Control-Allow-Origin: *\r\nX-Najimban-Secret: 1\r\nProxy-Authenticate: Basic\r\nUpgrade: h2c\r\nContent-Length: 0\r\n' +
      'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Type: text/plain\r\nX-Name:  \t spaced out \t\r\nDate: now\r\n\r\n',
  )
  t.strictSame(result.headers, [
    'set-cookie',
    'a=1',
    'set-cookie',
    'b=2',
    'content-type',
    'text/plain',
    'x-name',
    'spaced out',
    'date',
    'now',
  ])
})

t.test('trailers that would change the meaning of the head are dropped', async (t) => {
  const wire = `${CHUNKED}0\r\nX-Sum: 1\r\nContent-Length: 5\r\nSet-Cookie: a=1\r\nX-Najimban-User: x\r\nAuthorization: y\r\n\r\n`
  t.strictSame(parse(wire).trailers, ['x-sum', '1'])
})

t.test('a connection is kept only when both sides can', async (t) => {
  const reusable = (wire: string): boolean | undefined => {
    const parser = new ResponseParser(65_536)
    parser.start('GET')
    parser.feed(Buffer.from(wire), wire.length)
    return parser.head?.reusable
  }
  t.equal(reusable(VALID.length as string), true)
  t.equal(reusable(`${HEAD}Connection: keep-alive\r\nContent-Length: 0\r\n\r\n`), true)
  t.equal(reusable(`${HEAD}Connection: close\r\nContent-Length: 0\r\n\r\n`), false)
  t.equal(reusable(`${HEAD}Connection: x, Close\r\nContent-Length: 0\r\n\r\n`), false)
  t.equal(reusable('HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n'), false)
  t.equal(reusable(`${HEAD}X-A: 1\r\n\r\nuntil the end`), false)
})
