import { adminHost } from '#shared/config.ts'
import { ADMIN_PORT_OFFSET, type ProcessName } from '#shared/ports.ts'
import { adminSocketOf, socketPathOf } from '#shared/start.ts'
import type { GatewayConfig } from './config.ts'
import type { UpstreamAddress } from './proxy/contract.ts'

export type UpstreamName = Exclude<ProcessName, 'gateway'>

/** Every service behind the gateway, and how a person reads its name. */
export const UPSTREAMS = {
  calendar: { title: 'Calendar' },
  diary: { title: 'Diary' },
  collector: { title: 'Collector' },
} as const satisfies Record<UpstreamName, { title: string }>

export const UPSTREAM_NAMES = Object.keys(UPSTREAMS) as UpstreamName[]

/** What goes where: a request for `prefix` or anything below it is sent to `upstream` with `prefix` replaced by `path`. */
export interface Route {
  prefix: string
  upstream: UpstreamName
  path: string
}

const COLLECTOR_PATHS = ['/ingest', '/reports', '/timeline', '/admin/retention', '/admin/audit']

/** The routing table; docs and the 404 answer are made from it. */
export const ROUTES: readonly Route[] = [
  { prefix: '/api/calendar', upstream: 'calendar', path: '/api/calendar' },
  { prefix: '/api/events', upstream: 'calendar', path: '/api/calendar/events' },
  { prefix: '/api/tags', upstream: 'calendar', path: '/api/calendar/tags' },
  { prefix: '/api/todos', upstream: 'calendar', path: '/api/calendar/todos' },
  { prefix: '/api/diaries', upstream: 'diary', path: '/api/diaries' },
  { prefix: '/api/diary', upstream: 'diary', path: '/api' },
  ...COLLECTOR_PATHS.flatMap((path) => [
    { prefix: path, upstream: 'collector' as const, path },
    { prefix: `/api/collector${path}`, upstream: 'collector' as const, path },
  ]),
]

/** Where an upstream listens, for requests and for probes. */
export interface UpstreamAddresses {
  main: UpstreamAddress
  admin: UpstreamAddress
}

/** A Unix socket when this machine has one, else TCP; `<NAME>_URL` overrides both. */
export function addressesOf(name: UpstreamName, config: GatewayConfig): UpstreamAddresses {
  const { url, port } = {
    calendar: { url: config.CALENDAR_URL, port: config.CALENDAR_PORT },
    diary: { url: config.DIARY_URL, port: config.DIARY_PORT },
    collector: { url: config.COLLECTOR_URL, port: config.COLLECTOR_PORT },
  }[name]
  if (url !== undefined) {
    const { hostname, port: given } = new URL(url)
    const host = hostname.replace(/^\[|\]$/g, '')
    return { main: { host, port: Number(given) }, admin: { host, port: Number(given) + ADMIN_PORT_OFFSET } }
  }
  const socketPath = socketPathOf(config, name)
  const tcp = { host: config.HOST, port }
  return {
    main: socketPath === undefined ? tcp : { socketPath },
    admin:
      socketPath === undefined
        ? { host: adminHost(config.HOST), port: port + ADMIN_PORT_OFFSET }
        : { socketPath: adminSocketOf(socketPath) },
  }
}
