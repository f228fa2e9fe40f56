import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { duplicateHeader, unsafePath } from './proxy/headers.ts'

const SHOWN_AS: Record<string, string> = { host: 'Host', authorization: 'Authorization' }

/** Whether who stands in front may see another end of this body: other codings, and any in HTTP/1.0 (RFC 9112 6.1). */
function hasDoubtfulEnd({ headers, httpVersion }: IncomingMessage): boolean {
  const coding = headers['transfer-encoding']
  return coding !== undefined && (coding.toLowerCase() !== 'chunked' || httpVersion !== '1.1')
}

/**
 * Refuses what two servers may read differently: ambiguous paths, fields sent twice, transfer codings beside chunked; before
 * any hook that reads them.
 */
export function guardRequests(app: App): void {
  /** Connections on which nobody knows where the next request begins; what came with the refused one is parsed already. */
  const lost = new WeakSet<Socket>()
  app.addHook('onRequest', (request, _reply, done) => {
    const { raw } = request
    if (lost.has(raw.socket) || hasDoubtfulEnd(raw)) {
      lost.add(raw.socket)
      const detail = 'Transfer-Encoding may only be chunked, and only in HTTP/1.1'
      return done(new Problem('unsafe-request', { detail, headers: { connection: 'close' } }))
    }
    const reason = unsafePath(raw.url as string)
    if (reason !== undefined) {
      return done(new Problem('unsafe-request', { detail: `The path has ${reason}` }))
    }
    const twice = duplicateHeader(raw.rawHeaders)
    if (twice !== undefined) {
      const field = SHOWN_AS[twice] ?? twice
      return done(
        new Problem('unsafe-request', {
          detail: `The header ${field} was sent twice`,
          errors: [{ in: 'headers', field, message: 'was sent twice' }],
        }),
      )
    }
    done()
  })
}
