import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import type { Test } from 'tap'

const PAGE = `<!doctype html><html lang="ko"><meta charset="utf-8"><title>site</title><link rel="icon" href="data:,">
<script type="module">
  import { createReporter, webStorage } from '/package/reporter.js'
  window.open_ = (options) =>
    (window.reporter = createReporter({
      url: location.origin,
      tenant: 'default',
      key: async () => 'collector-key',
      storage: webStorage(localStorage),
      // Only an event of the browser brings the next try within the time of a test.
      backoff: { baseMs: 36e5, maxMs: 36e5 },
      ...options,
    }))
  window.isReady = true
</script>`

/** A page with the built package, in front of a collector as a gateway on the same origin is. */
export async function site(t: Test, { dist, collector }: { dist: string; collector: string }) {
  const state = { isDown: false }
  const ingested: string[] = []

  async function answer(request: IncomingMessage): Promise<{ status: number; type: string; body: string | Buffer }> {
    const where = request.url as string
    if (where === '/' || where === '/elsewhere') {
      return { status: 200, type: 'text/html', body: where === '/' ? PAGE : '<!doctype html><title>elsewhere</title>' }
    }
    if (where.startsWith('/package/')) {
      const file = path.join(dist, path.normalize(where.slice('/package'.length)))
      return { status: 200, type: 'text/javascript', body: await readFile(file) }
    }
    const body = await buffer(request)
    if (state.isDown) return { status: 503, type: 'text/plain', body: '' }
    const headers = Object.fromEntries(
      ['content-type', 'x-tenant', 'x-api-key', 'idempotency-key'].flatMap((name) => {
        const value = request.headers[name]
        return typeof value === 'string' ? [[name, value]] : []
      }),
    )
    const answered = await fetch(collector + where, { method: request.method as string, headers, body })
    if (answered.ok) ingested.push(body.toString())
    return { status: answered.status, type: 'application/json', body: await answered.text() }
  }

  const server = createServer((request, response) => {
    answer(request).then(
      ({ status, type, body }) => response.writeHead(status, { 'content-type': type }).end(body),
      () => response.writeHead(404).end(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(
    () =>
      new Promise((resolve) => {
        server.close(resolve)
        server.closeAllConnections()
      }),
  )
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, state, ingested }
}
