import type { IncomingHttpHeaders } from 'node:http'
import { isUtf8 } from 'node:buffer'
import { SESSION_COOKIES } from '#shared/access-token.ts'
import type { Credential } from '#shared/verified.ts'
import type { Route } from '../upstreams.ts'
import { keyIdOf } from './access-token.ts'
import type { Reason } from './refusals.ts'

/** Where a request carries its credential. The first one there is counts, and ambient ones only without an explicit one. */
export type Source = 'authorization' | 'x-api-key' | 'cookie'

/** What has to be done to verify a credential. */
export type Offered = { token: string; kid: string } | { ask: Credential }

export const KEY_PREFIX = 'njm_'

const SCHEME = /^(bearer|basic) +(\S+) *$/i
const KEY = /^njm_[\w-]{8,256}$/
/** RFC 6750 2.1; shorter ones can be guessed, so they are none of ours. */
const OPAQUE = /^[\w~+/-]{16,512}=*$/
const BASE64 = /^[A-Za-z\d+/]{2,1024}={0,2}$/
// eslint-disable-next-line no-control-regex -- RFC 7617 section 2: no control characters in user-id and password
const CONTROLS = /[\0-\x1f\x7f]/

/** Whether a key is one of identity's; others are the collector's own business. */
export const isOurKey = (value: string | string[] | undefined): value is string =>
  typeof value === 'string' && value.startsWith(KEY_PREFIX)

/**
 * The value of a cookie; undefined when there is none, '' when there are two. A `__Host-` name cannot be set by another
 * host, so two of them are somebody's trick.
 */
export function cookieOf(header: string, name: string): string | undefined {
  let value: string | undefined
  for (let at = header.indexOf(name); at >= 0; at = header.indexOf(name, at + 1)) {
    const end = at + name.length
    if (header[end] !== '=' || (at > 0 && header[at - 1] !== ' ' && header[at - 1] !== ';')) continue
    if (value !== undefined) return ''
    const semicolon = header.indexOf(';', end)
    value = header.slice(end + 1, semicolon < 0 ? undefined : semicolon).trim()
  }
  return value
}

/** Whether a browser's session is in a `Cookie` field, in whatever state. */
export const hasSessionCookie = (header: string): boolean =>
  header.includes(SESSION_COOKIES.access) || header.includes(SESSION_COOKIES.refresh)

/** Where the credential is that counts; undefined when there is none. */
export function sourceOf(headers: IncomingHttpHeaders, route: Route): Source | undefined {
  const { authorization, cookie } = headers
  if (authorization !== undefined && authorization !== '' && route.authorization !== 'own') return 'authorization'
  if (isOurKey(headers['x-api-key'])) return 'x-api-key'
  return cookie?.includes(SESSION_COOKIES.access) === true ? 'cookie' : undefined
}

function offeredToken(token: string): Offered | Reason {
  const kid = keyIdOf(token)
  return kid === undefined ? 'header' : { token, kid }
}

/** User-id and password (RFC 7617), in UTF-8 as the challenge asks for. */
function offeredBasic(text: string): Offered | Reason {
  const bytes = BASE64.test(text) ? Buffer.from(text, 'base64') : Buffer.alloc(0)
  const pair = bytes.toString()
  const colon = pair.indexOf(':')
  if (colon < 1 || !isUtf8(bytes) || CONTROLS.test(pair)) return 'malformed'
  return { ask: { basic: { username: pair.slice(0, colon), password: pair.slice(colon + 1) } } }
}

function offeredBearer(text: string): Offered | Reason {
  if (text.startsWith(KEY_PREFIX)) return KEY.test(text) ? { ask: { key: text } } : 'malformed'
  if (text.includes('.')) return offeredToken(text)
  return OPAQUE.test(text) ? { ask: { token: text } } : 'malformed'
}

/** Reads a credential, which costs nobody anything; what it is worth is found out later. */
export function readCredential(source: Source, text: string, route: Route): Offered | Reason {
  if (source === 'cookie') return offeredToken(text)
  if (source === 'x-api-key') return offeredBearer(text)
  const [, scheme = '', rest = ''] = SCHEME.exec(text) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return offeredBearer(rest)
    case 'basic':
      return route.authorization === 'basic' ? offeredBasic(rest) : 'scheme'
    default:
      return scheme === '' && /^(?:bearer|basic)\b/i.test(text) ? 'malformed' : 'scheme'
  }
}
