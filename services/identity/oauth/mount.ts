import type { IncomingMessage } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { endWith } from '#shared/answered.ts'
import type { AuditEvent } from '#shared/audit/event.ts'
import type { App } from '#shared/server.ts'
import type { IdentityConfig } from '../config.ts'
import type { Providers } from './provider.ts'

/** What the provider answers itself; everything that it serves is named here, so that the permission table knows it. */
const ROUTES = [
  ['GET', '/.well-known/openid-configuration', 'The provider (OpenID Connect Discovery 1.0)'],
  ['GET', '/.well-known/oauth-authorization-server', 'The provider (RFC 8414)'],
  ['GET', '/oauth/auth', 'Asks a person for a code (RFC 6749 4.1, PKCE S256)'],
  ['GET', '/oauth/auth/:uid', 'Goes on after the sign-in'],
  ['POST', '/oauth/par', 'Pushed authorization request (RFC 9126)'],
  ['POST', '/oauth/token', 'Tokens for a code, a refresh token, a device code or an application itself'],
  ['POST', '/oauth/introspection', 'Whether an own token is active (RFC 7662)'],
  ['POST', '/oauth/revocation', 'Ends an own token (RFC 7009)'],
  ['GET', '/oauth/userinfo', 'Who the person is (OpenID Connect Core 5.3)'],
  ['POST', '/oauth/userinfo', 'Who the person is (OpenID Connect Core 5.3)'],
  ['POST', '/oauth/device/auth', 'Codes for a device (RFC 8628)'],
  ['GET', '/oauth/device', 'Where the code of a device is entered'],
  ['POST', '/oauth/device', 'Takes the code of a device'],
  ['GET', '/oauth/device/:uid', 'Goes on after the sign-in for a device'],
  ['GET', '/oauth/session/end', 'Signs out (OpenID Connect RP-Initiated Logout 1.0)'],
  ['POST', '/oauth/session/end/confirm', 'Signs out'],
  ['GET', '/oauth/session/end/success', 'What is shown after signing out'],
] as const

/** What the requests that are under way were about; the provider knows the raw request only. */
export function createAuditNotes() {
  const requests = new WeakMap<IncomingMessage, FastifyRequest>()
  return {
    remember: (request: FastifyRequest): void => void requests.set(request.raw, request),
    /** The first note of a request counts: what follows from it says less. */
    note(raw: IncomingMessage, event: AuditEvent): void {
      const request = requests.get(raw)
      if (request !== undefined) request.auditEvent ??= event
    },
  }
}

export type AuditNotes = ReturnType<typeof createAuditNotes>

/** What the gateway dropped for everybody's safety and the provider needs: where the world sees it, and who asks. */
function forwarded(request: FastifyRequest, publicUrl: URL): void {
  const { headers } = request.raw
  headers['x-forwarded-proto'] = publicUrl.protocol.slice(0, -1)
  headers['x-forwarded-host'] = publicUrl.host
  headers['x-forwarded-for'] = request.caller.ip
}

/** The routes of the provider: it reads and answers the raw request; log, metrics and audit see it as any other. */
export const providerRoutes =
  (providers: Providers, notes: AuditNotes, config: Pick<IdentityConfig, 'PUBLIC_URL'>) =>
  async (routes: App): Promise<void> => {
    const publicUrl = new URL(config.PUBLIC_URL)
    routes.removeAllContentTypeParsers()
    routes.addContentTypeParser('*', (_request, _payload, done) => done(null))

    const handler = async (request: FastifyRequest, reply: FastifyReply) => {
      const provider = await providers.current()
      forwarded(request, publicUrl)
      notes.remember(request)
      reply.hijack()
      for (const [name, value] of Object.entries(reply.getHeaders())) reply.raw.setHeader(name, value as string)
      await provider.callback()(request.raw, reply.raw)
      endWith(request, reply)
    }
    for (const [method, url, summary] of ROUTES) {
      routes.route({ method, url, config: { etag: false }, schema: { tags: ['oauth'], summary }, handler })
    }
  }
