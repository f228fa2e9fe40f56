import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { HEALTH_NAMES, type ProcessName } from '#shared/ports.ts'
import type { Target } from '../targets.ts'

/** A real HTTP server on a port of its own, closed when the test ends; the answer is its origin. */
export async function listen(t: Test, listener: RequestListener): Promise<string> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    return new Promise<void>((resolve) => server.close(() => resolve()))
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** An origin where nobody listens. */
export async function deadOrigin(): Promise<string> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return `http://127.0.0.1:${port}`
}

export interface Page {
  status?: number
  body: unknown
}
export type Pages = Record<string, Page | RequestListener>

export const hang: RequestListener = () => undefined
export const cut: RequestListener = (request) => request.socket.destroy()

const serve =
  (pages: Pages): RequestListener =>
  (request, response) => {
    const page = pages[request.url ?? ''] ?? { status: 404, body: { error: 'Not Found' } }
    if (typeof page === 'function') return void page(request, response)
    response.writeHead(page.status ?? 200, { 'content-type': 'application/json' })
    response.end(typeof page.body === 'string' ? page.body : JSON.stringify(page.body))
  }

export const mainHealth = (name: ProcessName) => ({
  status: name === 'collector' ? 'ok' : 'healthy',
  service: HEALTH_NAMES[name],
  timestamp: new Date().toISOString(),
  uptime: 12.5,
  ...(name === 'gateway' ? { port: 5000, upstreams: { calendar: { status: 'up' } } } : { database: 'connected' }),
})

export const details = (name: ProcessName) => ({
  status: 'healthy',
  service: HEALTH_NAMES[name],
  version: '0.1.0',
  timestamp: new Date().toISOString(),
  uptime: 12.5,
  ready: true,
  process: {
    pid: 7,
    node: 'v26.10.0',
    rss_bytes: 90e6,
    heap_used_bytes: 30e6,
    event_loop_delay_ms: { mean: 20, p50: 20, p99: 22, max: 30 },
  },
  storage: {
    file: `/data/${name}.db`,
    file_bytes: 4096,
    wal_bytes: 1024,
    disk_free_bytes: 50e9,
    disk_total_bytes: 100e9,
  },
})

export interface Overrides {
  /** Pages, or all of them by one listener. */
  main?: Pages | RequestListener
  admin?: Pages
  critical?: boolean
}

/** A process as the monitor sees it, on two listeners; `overrides` break it. */
export async function fakeProcess(t: Test, name: ProcessName, overrides: Overrides = {}): Promise<Target> {
  const { main } = overrides
  const admin: Pages = {
    '/health/live': { body: { status: 'alive' } },
    '/health/ready': { body: { status: 'ready' } },
    '/health': { body: details(name) },
    '/metrics': { body: '# TYPE up gauge\nup 1\nrequests_total{route="/a b",code="200"} 1.5e3\n' },
    ...overrides.admin,
  }
  return {
    name,
    url: await listen(t, typeof main === 'function' ? main : serve({ '/health': { body: mainHealth(name) }, ...main })),
    admin: await listen(t, serve(admin)),
    contract: name,
    critical: overrides.critical ?? true,
    load: false,
  }
}
