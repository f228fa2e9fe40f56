import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Health } from './health.ts'
import type { Metrics } from './metrics.ts'
import { PROBLEM_JSON, Problem } from './problem.ts'

/** An extra page of the admin listener: its text and content type. */
export type AdminPage = () => Promise<{ type: string; body: string; status?: number }>

const JSON_TYPE = 'application/json; charset=utf-8'
const json = (body: unknown, status = 200) => ({ type: JSON_TYPE, body: JSON.stringify(body), status })

/** The answers of both probes; the main listener gives the same. */
export const probes = {
  live: () => ({ status: 200, body: { status: 'alive' } }),
  ready: (health: Health) => {
    const reason = health.unreadiness()
    return reason === undefined
      ? { status: 200, body: { status: 'ready' } }
      : { status: 503, body: { status: 'not-ready', reason } }
  },
}

/**
 * Probes, details and metrics on a loopback listener of their own, so that they answer when the main one is full.
 * @param pages further pages by path, over the standard ones
 */
export function createAdminServer(health: Health, metrics: Metrics, pages: Record<string, AdminPage> = {}): Server {
  const table: Record<string, AdminPage> = {
    '/health': async () => json(await health.details()),
    '/health/live': async () => json(probes.live().body),
    '/health/ready': async () => {
      const { status, body } = probes.ready(health)
      return json(body, status)
    },
    '/metrics': async () => ({ type: metrics.registry.contentType, body: await metrics.registry.metrics() }),
    '/metrics.json': async () => json(await metrics.registry.getMetricsAsJSON()),
    ...pages,
  }
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const page = table[(request.url ?? '').split('?', 1)[0] as string]
    const {
      type,
      body,
      status = 200,
    } = page === undefined
      ? { type: PROBLEM_JSON, body: JSON.stringify(new Problem('not-found').toDocument()), status: 404 }
      : await page()
    response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' })
    response.end(request.method === 'HEAD' ? undefined : body)
  }
  return createServer({ headersTimeout: 5000, requestTimeout: 5000 }, (request, response) => {
    answer(request, response).catch(() => response.writeHead(500).end())
  })
}
