/**
 * What the proxies stand in front of: fixed answers for next to no CPU, so that the load core is left to the
 * generator. Two listeners: requests without a body on the first port, uploads on the second.
 */
import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'

const SMALL_BYTES = 300
const LARGE_BYTES = 50_000
const END_OF_HEAD = '\r\n\r\n'

/** JSON of exactly so many bytes. */
function jsonOf(bytes: number): string {
  const frame = JSON.stringify({ status: 'success', data: '' }).length
  return JSON.stringify({ status: 'success', data: 'n'.repeat(bytes - frame) })
}

const answer = (body: string) =>
  Buffer.from(
    `HTTP/1.1 200 OK\r\ncontent-type: application/json; charset=utf-8\r\ncontent-length: ${body.length}${END_OF_HEAD}${body}`,
    'latin1',
  )
const small = answer(jsonOf(SMALL_BYTES))
const large = answer(jsonOf(LARGE_BYTES))

const answers = createServer({ noDelay: true }, (socket) => {
  let rest = ''
  socket.on('data', (chunk) => {
    rest += chunk.toString('latin1')
    for (let end = rest.indexOf(END_OF_HEAD); end !== -1; end = rest.indexOf(END_OF_HEAD)) {
      const line = rest.slice(0, rest.indexOf('\r\n'))
      rest = rest.slice(end + END_OF_HEAD.length)
      socket.write(line.includes('/large') ? large : small)
    }
  })
  socket.on('error', () => socket.destroy())
})

const sink = createHttpServer({ requestTimeout: 0, keepAliveTimeout: 60_000 }, (request, response) => {
  request.resume()
  request.on('end', () => response.writeHead(200, { 'content-type': 'application/json' }).end('{}'))
})

const [answersPort, sinkPort] = process.argv.slice(2).map(Number)
answers.listen(answersPort, '127.0.0.1')
sink.listen(sinkPort, '127.0.0.1')
process.on('disconnect', () => process.exit())
