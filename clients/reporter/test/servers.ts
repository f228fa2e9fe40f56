import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Test } from 'tap'
import { testService } from '../../../shared/test/service.ts'
import { collectorProcess } from '../../../services/collector/app.ts'

export const ACCESS = { tenant: 'default', key: 'collector-key' }
const HEADERS = { 'x-tenant': ACCESS.tenant, 'x-api-key': ACCESS.key }

interface Listed {
  reports: { id: string; severity?: string }[]
  pagination: { totalCount: number }
}

/** A real collector on a port of its own. */
export async function realCollector(t: Test, env: Record<string, string> = {}) {
  const service = await testService(t, collectorProcess, { API_KEYS: 'default:collector-key', ...env })
  await service.app.listen({ host: '127.0.0.1', port: 0 })
  const url = `http://127.0.0.1:${(service.app.server.address() as AddressInfo).port}`
  const get = async <T>(path: string) => (await (await fetch(url + path, { headers: HEADERS })).json()) as T
  const reports = async () => {
    const { reports: listed } = await get<Listed>('/reports?limit=100')
    const details = await Promise.all(listed.map(({ id }) => get<{ report: unknown }>(`/reports/${id}`)))
    // Newest first in the list; within one millisecond the order is open.
    return details.map(({ report }) => report)
  }
  const count = async () => (await get<Listed>('/reports?limit=1')).pagination.totalCount
  return { url, get, reports, count, close: service.close }
}

export interface Got {
  path: string
  headers: IncomingHttpHeaders
  body: string
}

export interface Reply {
  status: number
  body?: unknown
  headers?: Record<string, string>
}

/** What a server does instead of an answer. */
export const HANG_UP = 'hang up'
export const SAY_NOTHING = 'say nothing'

export type Behaviour = (got: Got, count: number) => Reply | typeof HANG_UP | typeof SAY_NOTHING

function send(response: ServerResponse, { status, body = '', headers = {} }: Reply): void {
  const isText = typeof body === 'string'
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers })
  response.end(isText ? body : JSON.stringify(body))
}

/** A server that does as it is told, and remembers what it got. */
export async function localServer(t: Test, behaviour: Behaviour) {
  const got: Got[] = []
  const server = createServer((request, response) => {
    text(request).then(
      (body) => {
        const one = { path: request.url as string, headers: request.headers, body }
        const reply = behaviour(one, got.push(one))
        if (reply === HANG_UP) request.socket.destroy()
        else if (reply !== SAY_NOTHING) send(response, reply)
      },
      () => undefined,
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
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, got }
}

/** What a collector answers to a report. */
export const stored = (id = 'report-1700000000000-000000000'): Reply => ({
  status: 201,
  body: { id, status: 'ingested' },
})

/** A collector without batches that stores everything, for as long as `other` has nothing else to say. */
export const singleCollector =
  (other: (got: Got, count: number) => ReturnType<Behaviour> | undefined = () => undefined): Behaviour =>
  (got, count) =>
    other(got, count) ?? (got.path === '/ingest/qc' ? stored(`report-${count}`) : { status: 404 })

/** The reports of a batch. */
export const linesOf = ({ body }: Got): { n?: number }[] =>
  body
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { n?: number })

/** A collector that takes batches, and says `verdict` of each report. */
export const batchCollector =
  (verdict: (report: { n?: number }, index: number) => object | undefined): Behaviour =>
  (got, count) => {
    if (got.path === '/ingest/qc') return stored(`report-${count}`)
    const verdicts = linesOf(got).map((report, index) => {
      const said = verdict(report, index)
      return said === undefined ? undefined : { index, ...said }
    })
    return { status: 200, body: { results: verdicts.filter((each) => each !== undefined) } }
  }
