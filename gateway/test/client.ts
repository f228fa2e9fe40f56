import { request, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { connect } from 'node:net'

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  rawHeaders: string[]
  bytes: Buffer
  text: string
  /** The body as JSON. @throws SyntaxError */
  json<T = Record<string, unknown>>(): T
}

export interface Ask {
  method?: string
  headers?: OutgoingHttpHeaders
  body?: string | Buffer
}

/** One request on a connection of its own; unlike fetch it sends any method and any header as given. */
export function ask(url: string, { method = 'GET', headers = {}, body }: Ask = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url)
    const path = url.slice(url.indexOf('/', 'http://'.length))
    // Node sends the body of a DELETE or OPTIONS without saying how long it is.
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }
    const options = { hostname, port, path, method, headers: { ...length, ...headers }, agent: false }
    const asked = request(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', reject)
      response.on('end', () => {
        const bytes = Buffer.concat(chunks)
        const text = bytes.toString()
        const { statusCode: status = 0, headers: answered, rawHeaders } = response
        resolve({ status, headers: answered, rawHeaders, bytes, text, json: <T>() => JSON.parse(text) as T })
      })
    })
    asked.on('error', reject)
    asked.end(body)
  })
}

/** Sends bytes as they are and gives everything that comes back until the other side closes. */
export function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(text, 'latin1'))
    socket.setEncoding('latin1')
    socket.on('data', (part: string) => (answer += part))
    socket.on('error', reject)
    socket.on('close', () => resolve(answer))
  })
}

export const statusOf = (answer: string): number => Number(answer.slice('HTTP/1.1 '.length, 'HTTP/1.1 '.length + 3))
