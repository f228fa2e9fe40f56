import type { FastifyReply, FastifyRequest } from 'fastify'
import { parseCookie, stringifySetCookie } from 'cookie'
import { SESSION_COOKIES } from '#shared/access-token.ts'

type CookieName = keyof typeof SESSION_COOKIES

/** The attributes that `__Host-` demands (RFC 6265bis 4.1.3.2), and no scripts. Lax: a link from elsewhere finds one signed in. */
const ATTRIBUTES = { path: '/', secure: true, httpOnly: true, sameSite: 'lax' } as const

/** The refresh token in the cookie of a request. */
export const refreshCookieOf = (request: FastifyRequest): string | undefined =>
  parseCookie(request.headers.cookie ?? '')[SESSION_COOKIES.refresh]

/** @param maxAge seconds; 0 makes the browser forget it */
function setCookie(reply: FastifyReply, name: CookieName, value: string, maxAge: number): void {
  void reply.header('set-cookie', stringifySetCookie({ name: SESSION_COOKIES[name], value, maxAge, ...ATTRIBUTES }))
}

/** Gives a browser its tokens, each for as long as it is good (seconds). */
export function setSessionCookies(reply: FastifyReply, tokens: Record<CookieName, { value: string; maxAge: number }>) {
  setCookie(reply, 'access', tokens.access.value, tokens.access.maxAge)
  setCookie(reply, 'refresh', tokens.refresh.value, tokens.refresh.maxAge)
}

export function clearSessionCookies(reply: FastifyReply): void {
  setCookie(reply, 'access', '', 0)
  setCookie(reply, 'refresh', '', 0)
}
