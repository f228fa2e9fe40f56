import { SESSION_COOKIES } from '#shared/access-token.ts'
import type { Addresses } from '#shared/addresses.ts'
import { VERSION } from '#shared/health.ts'
import { ask } from '../ask.ts'
import { ROUTES, UPSTREAM_NAMES, UPSTREAMS, type UpstreamName } from '../upstreams.ts'

type Operation = Record<string, unknown> & { tags?: string[] }
interface OpenApi {
  paths?: Record<string, Record<string, Operation>>
}

const FRESH_MS = 10_000

/** CommonMark, at the top of the docs page. */
const DESCRIPTION = `Calendar, diary, quality reports, accounts and who may do what, behind one gateway.

To try calls as yourself, send \`POST /api/auth/login\` with \`"cookies": true\` from this page; or choose Authorize and paste
an access token or an API key (\`bearer\`).`

/** How callers say who they are; the docs page asks for these under Authorize. */
const SECURITY_SCHEMES = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'Access token of a session or of an application, or an API key (njm_...)',
  },
  key: { type: 'apiKey', in: 'header', name: 'X-Api-Key', description: 'API key (njm_...), or a key of X-Tenant' },
  cookie: {
    type: 'apiKey',
    in: 'cookie',
    name: SESSION_COOKIES.access,
    description: 'Session of a browser, which must come from an allowed origin to change something',
  },
  basic: { type: 'http', scheme: 'basic', description: 'App password; below the CalDAV paths only' },
  tenant: { type: 'apiKey', in: 'header', name: 'X-Tenant', description: 'Tenant of the collector' },
  user: { type: 'apiKey', in: 'header', name: 'X-User-Id', description: 'Any name; open access only' },
}
type Requirement = Record<string, string[]>
const VERIFIED: Requirement[] = [{ bearer: [] }, { key: [] }, { cookie: [] }]
const BASIC: Requirement = { basic: [] }
const SECURITY: Record<UpstreamName, Requirement[]> = {
  calendar: [...VERIFIED, { user: [] }, {}],
  diary: [...VERIFIED, { user: [] }, {}],
  collector: [{ tenant: [], key: [] }, ...VERIFIED],
  identity: [...VERIFIED, {}],
}

const routeOf = (path: string) => ROUTES.find(({ prefix }) => path === prefix || path.startsWith(`${prefix}/`))

/** What may be shown at a path of the gateway. */
const securityOf = (upstream: UpstreamName, path: string): Requirement[] =>
  routeOf(path)?.authorization === 'basic' ? [BASIC, ...SECURITY[upstream]] : SECURITY[upstream]

/** The path under which the gateway serves a service's path; undefined for what stays inside (probes, metrics). */
function publicPath(upstream: UpstreamName, path: string): string | undefined {
  const route = ROUTES.find((r) => r.upstream === upstream && (path === r.path || path.startsWith(`${r.path}/`)))
  return route === undefined ? undefined : route.prefix + path.slice(route.path.length)
}

/** One OpenAPI document for all services, made from their own; a service that is away is named in `x-unavailable`. */
export function createOpenApi(addresses: Record<UpstreamName, Addresses>, timeoutMs: number) {
  let document: Record<string, unknown> = {}
  let madeAt = 0

  async function pathsOf(upstream: UpstreamName): Promise<[string, Record<string, Operation>][]> {
    const { status, body } = await ask(addresses[upstream].main, '/openapi.json', timeoutMs)
    if (status !== 200) throw new Error(`answers ${status}`)
    const { paths = {} } = JSON.parse(body) as OpenApi
    return Object.entries(paths).flatMap(([path, operations]) => {
      const shown = publicPath(upstream, path)
      if (shown === undefined) return []
      const tagged = Object.entries(operations).map(([method, operation]) => [
        method,
        { ...operation, tags: operation.tags ?? [UPSTREAMS[upstream].title], security: securityOf(upstream, shown) },
      ])
      return [[shown, Object.fromEntries(tagged) as Record<string, Operation>] as [string, Record<string, Operation>]]
    })
  }

  return {
    /** The document made last. */
    current: () => document,
    /** The document, at most ten seconds old; one with a service missing is made again at every call. */
    async refresh(): Promise<Record<string, unknown>> {
      if (Date.now() - madeAt < FRESH_MS) return document
      const results = await Promise.allSettled(UPSTREAM_NAMES.map(pathsOf))
      const missing = UPSTREAM_NAMES.filter((_name, index) => results[index]?.status === 'rejected')
      document = {
        openapi: '3.1.0',
        info: {
          title: 'Najimban',
          version: VERSION,
          description: DESCRIPTION,
        },
        servers: [{ url: '/' }],
        components: { securitySchemes: SECURITY_SCHEMES },
        paths: Object.fromEntries(results.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))),
        ...(missing.length === 0 ? {} : { 'x-unavailable': missing }),
      }
      if (missing.length === 0) madeAt = Date.now()
      return document
    },
  }
}
