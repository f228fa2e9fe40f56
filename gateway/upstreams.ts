import type { ServiceName } from '#shared/ports.ts'

export type UpstreamName = ServiceName

/** Every service behind the gateway, and how a person reads its name. */
export const UPSTREAMS = {
  calendar: { title: 'Calendar' },
  diary: { title: 'Diary' },
  collector: { title: 'Collector' },
  identity: { title: 'Identity' },
} as const satisfies Record<UpstreamName, { title: string }>

export const UPSTREAM_NAMES = Object.keys(UPSTREAMS) as UpstreamName[]

/** What goes where: a request for `prefix` or anything below it is sent to `upstream` with `prefix` replaced by `path`. */
export interface Route {
  prefix: string
  upstream: UpstreamName
  path: string
  /**
   * What `Authorization` means here, if not Bearer only. basic: calendar clients send an app password. own: the protocol's
   * business (client authentication and tokens of OAuth), which the service looks at itself.
   */
  authorization?: 'basic' | 'own'
}

const IDENTITY_PATHS = [
  '/api/auth',
  '/api/admin',
  '/api/audit',
  '/account',
  '/.well-known/openid-configuration',
  '/.well-known/oauth-authorization-server',
  '/.well-known/jwks.json',
]
const COLLECTOR_PATHS = [
  '/bundle-keys',
  '/export',
  '/ingest',
  '/reports',
  '/findings',
  '/schemas',
  '/timeline',
  '/stats',
  '/alerts',
  '/admin/retention',
  '/admin/audit',
  '/admin/tenants',
  '/usage',
]

/** The routing table; docs and the 404 answer are made from it. */
export const ROUTES: readonly Route[] = [
  { prefix: '/api/calendar/dav', upstream: 'calendar', path: '/api/calendar/dav', authorization: 'basic' },
  { prefix: '/api/calendar', upstream: 'calendar', path: '/api/calendar' },
  { prefix: '/api/events', upstream: 'calendar', path: '/api/calendar/events' },
  { prefix: '/api/tags', upstream: 'calendar', path: '/api/calendar/tags' },
  { prefix: '/api/todos', upstream: 'calendar', path: '/api/calendar/todos' },
  { prefix: '/api/diaries', upstream: 'diary', path: '/api/diaries' },
  { prefix: '/api/diary', upstream: 'diary', path: '/api' },
  { prefix: '/oauth', upstream: 'identity', path: '/oauth', authorization: 'own' },
  ...IDENTITY_PATHS.map((path) => ({ prefix: path, upstream: 'identity' as const, path })),
  ...COLLECTOR_PATHS.flatMap((path) => [
    { prefix: path, upstream: 'collector' as const, path },
    { prefix: `/api/collector${path}`, upstream: 'collector' as const, path },
  ]),
]
