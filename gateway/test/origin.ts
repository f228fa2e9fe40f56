import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** A request as an origin got it. */
export interface Received {
  method: string
  url: string
  headers: IncomingHttpHeaders
  body: string
}

export interface Origin {
  url: string
  port: number
  /** Every request but the gateway's own: probes, and what it asks identity. */
  received: Received[]
  close(): Promise<void>
}

const OWN = /^\/internal\/|^\/\.well-known\/jwks\.json$/

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}

/** A service of a few lines: ready, remembers what it is asked, and answers `answer` or a small JSON document. */
export async function startOrigin(t: Test, answer?: RequestListener): Promise<Origin> {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const { method = '', url = '', headers } = request
    if (url === '/health/ready') return void response.end('{"status":"ready"}')
    if (answer !== undefined && OWN.test(url)) return answer(request, response)
    if (answer === undefined) {
      received.push({ method, url, headers, body: await bodyOf(request) })
      response.setHeader('content-type', 'application/json').end('{"from":"origin"}')
    } else {
      received.push({ method, url, headers, body: '' })
      answer(request, response)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const close = async () => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }
  t.teardown(close)
  return { url: `http://127.0.0.1:${port}`, port, received, close }
}
