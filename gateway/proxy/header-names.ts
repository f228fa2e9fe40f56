/** What the proxy does with a field of an upstream's answer. */
export type ResponseRole =
  'keep' | 'drop' | 'content-length' | 'transfer-encoding' | 'connection' | 'content-type' | 'trailer' | 'vary'

export interface HeaderName {
  lower: string
  role: ResponseRole
  /** never sent to an upstream, whatever the allow-list says: framing and hop-by-hop (RFC 9110 7.6.1), `_`, Expect */
  hop: boolean
  /** a bit of its own when a request may carry the field only once, else 0 */
  once: number
  /** may not appear in a trailer section: framing, routing, credentials and what the gateway owns (RFC 9110 6.5.1) */
  headOnly: boolean
}

const HOP_BY_HOP = new Set(
  'connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade'.split(
    ' ',
  ),
)
const NOT_FORWARDED = new Set([...HOP_BY_HOP, 'content-length', 'expect', 'http2-settings'])
const HIDDEN = new Set([...HOP_BY_HOP, 'server', 'x-powered-by', 'proxy-authentication-info', 'alt-svc'])
const HANDLED = new Set<ResponseRole>([
  'content-length',
  'transfer-encoding',
  'connection',
  'content-type',
  'trailer',
  'vary',
])
const ONCE =
  'host authorization content-length transfer-encoding content-type content-encoding expect x-user-id x-tenant x-api-key x-request-id idempotency-key'.split(
    ' ',
  )
const HEAD_ONLY = new Set([
  ...NOT_FORWARDED,
  ...ONCE,
  ...HIDDEN,
  'content-range',
  'content-type',
  'cookie',
  'set-cookie',
  'cache-control',
  'location',
  'vary',
  'www-authenticate',
])
const GATEWAY_OWNED = /^(?:access-control-|x-najimban-|x-forwarded-)/
const TOKEN = /^[!#$%&'*+.^`|~\w-]+$/

// The same few names come with every message: looking a name up is cheaper than lower-casing and classifying it again.
const CACHE_LIMIT = 1_024
const cache = new Map<string, HeaderName>()

/** Everything known about a field name, or undefined when it is not a token (RFC 9110 5.6.2). */
export function headerName(raw: string): HeaderName | undefined {
  return cache.get(raw) ?? classify(raw)
}

function classify(raw: string): HeaderName | undefined {
  if (!TOKEN.test(raw)) return undefined
  const lower = raw.toLowerCase()
  const owned = GATEWAY_OWNED.test(lower)
  const handled = [...HANDLED].find((role) => role === lower)
  const name: HeaderName = {
    lower,
    role: handled ?? (owned || HIDDEN.has(lower) ? 'drop' : 'keep'),
    hop: NOT_FORWARDED.has(lower) || lower.includes('_'),
    once: ONCE.includes(lower) ? 1 << ONCE.indexOf(lower) : 0,
    headOnly: owned || HEAD_ONLY.has(lower) || lower.includes('_'),
  }
  // Names are the caller's choice: a flood of different ones must not grow the table, only empty it.
  if (cache.size >= CACHE_LIMIT) cache.clear()
  if (raw.length <= 64) cache.set(raw, name)
  return name
}
