import cors from '@fastify/cors'
import type { IncomingMessage, ServerResponse } from 'node:http'
import helmet from 'helmet'
import type { App } from '#shared/server.ts'
import type { GatewayConfig } from './config.ts'

const ALLOWED_HEADERS = [
  'content-type',
  'authorization',
  'x-user-id',
  'x-tenant',
  'x-api-key',
  'if-none-match',
  'if-match',
  'idempotency-key',
  'x-request-id',
  'last-event-id',
]
const EXPOSED_HEADERS = [
  'ETag',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'RateLimit',
  'RateLimit-Policy',
  'Retry-After',
  'X-Request-Id',
  'Link',
  'Location',
  'Idempotency-Replayed',
  'WWW-Authenticate',
]
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
const PREFLIGHT_MAX_AGE_S = 600
const NOBODY = ["'none'"]

/** helmet's headers never change, so they are asked for once: an API that nobody frames, scripts or sniffs. */
function securityHeaders(): Record<string, string> {
  const headers: Record<string, string> = {}
  const response = {
    setHeader: (name: string, value: string) => (headers[name.toLowerCase()] = value),
    removeHeader: () => undefined,
  } as unknown as ServerResponse
  helmet({
    contentSecurityPolicy: {
      useDefaults: false,
      // The last three have no default-src to fall back to.
      directives: { defaultSrc: NOBODY, frameAncestors: NOBODY, baseUri: NOBODY, formAction: NOBODY },
    },
    crossOriginResourcePolicy: { policy: 'same-site' },
    referrerPolicy: { policy: 'no-referrer' },
    xFrameOptions: { action: 'deny' },
  })({} as IncomingMessage, response, () => undefined)
  return headers
}

export const SECURITY_HEADERS = securityHeaders()

/** CORS for the front ends (preflight answered before any limit), and security headers on the gateway's own answers. */
export async function registerBrowserHeaders(app: App, config: GatewayConfig): Promise<void> {
  const options = {
    origin: config.CORS_ORIGINS,
    credentials: true,
    methods: METHODS,
    allowedHeaders: ALLOWED_HEADERS,
    exposedHeaders: EXPOSED_HEADERS,
    maxAge: PREFLIGHT_MAX_AGE_S,
  }
  // OPTIONS that is no preflight belongs to WebDAV clients and goes on to the calendar.
  const preflight = { ...options, preflight: true }
  const plain = { ...options, preflight: false }
  const sameOrigin = { origin: false, preflight: false }
  await app.register(cors, {
    delegator: ({ method, headers }, callback) => {
      const { origin } = headers
      if (origin === undefined) return callback(null, sameOrigin)
      if (method === 'OPTIONS' && 'access-control-request-method' in headers) return callback(null, preflight)
      callback(null, config.CORS_ORIGINS.includes(origin) ? plain : sameOrigin)
    },
  })
  app.addHook('onSend', (_request, reply, payload, done) => {
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) if (!reply.hasHeader(name)) reply.header(name, value)
    done(null, payload)
  })
}
