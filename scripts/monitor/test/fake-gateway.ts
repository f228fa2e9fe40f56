import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'

/** The main listener of a gateway that keeps what it is sent in memory, and can be told to misbehave. */
export interface FakeGateway {
  listener: RequestListener
  events: Map<string, Record<string, unknown>>
  diaries: Map<string, Record<string, unknown>>
  reports: Map<string, Record<string, unknown>>
  headers: Record<string, unknown>[]
  /** Paths that answer 500. */
  broken: Set<string>
  /** Whether it lets nobody in. */
  refuses: boolean
  /** Whether reports can be deleted. */
  deletesReports: boolean
}

const bodyOf = async (request: IncomingMessage) => {
  let text = ''
  for await (const part of request) text += String(part)
  return JSON.parse(text) as Record<string, unknown>
}

const PAGE = 50

/** Lists show at most 50 rows, as a bounded list does: a sweep must come again. */
export function fakeGateway(health: unknown): FakeGateway {
  const gateway: FakeGateway = {
    listener: (request, response) => void answer(request, response),
    events: new Map(),
    diaries: new Map(),
    reports: new Map(),
    headers: [],
    broken: new Set(),
    refuses: false,
    deletesReports: true,
  }
  let counter = 0
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '/', 'http://gateway')
    const send = (status: number, body?: unknown) =>
      response
        .writeHead(status, { 'content-type': 'application/json' })
        .end(body === undefined ? undefined : JSON.stringify(body))
    if (url.pathname === '/health') return send(200, health)
    gateway.headers.push(request.headers)
    if (gateway.refuses) return send(401, { error: 'refused' })
    if (gateway.broken.has(url.pathname)) return send(500, { error: 'broken' })
    const [, folder = '', id] =
      /^(\/api\/calendar\/events|\/api\/diaries|\/reports|\/ingest\/qc|\/timeline)(?:\/(.+))?$/.exec(url.pathname) ?? [
        '',
        '',
      ]
    const rows = folder.endsWith('events')
      ? gateway.events
      : folder.endsWith('diaries')
        ? gateway.diaries
        : gateway.reports
    if (request.method === 'POST') {
      const made = { ...(await bodyOf(request)), id: `${folder.includes('ingest') ? 'report' : 'row'}-${++counter}` }
      rows.set(made.id, made)
      if (folder === '/ingest/qc') return send(201, { id: made.id, status: 'ingested' })
      return send(201, folder.endsWith('events') ? { status: 'success', data: made } : made)
    }
    if (request.method === 'DELETE' && id !== undefined && (rows !== gateway.reports || gateway.deletesReports)) {
      return rows.delete(id) ? send(204) : send(404)
    }
    if (request.method !== 'GET') return send(404, { error: 'Not Found' })
    if (id !== undefined) return rows.has(id) ? send(200, { status: 'success', data: rows.get(id) }) : send(404)
    if (folder === '/timeline') return send(200, { window_h: 24, buckets: [] })
    const list = [...rows.values()].slice(0, PAGE)
    if (folder.endsWith('events')) {
      const month = url.searchParams.get('start')?.slice(0, 7) ?? ''
      const found = [...rows.values()].filter((row) => String(row.start_time).startsWith(month)).slice(0, PAGE)
      return send(200, { status: 'success', data: found, count: found.length })
    }
    return send(200, folder === '/reports' ? { reports: list, pagination: {} } : list)
  }
  return gateway
}
