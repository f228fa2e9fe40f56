import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { duplicateHeader, unsafePath } from './proxy/headers.ts'

const SHOWN_AS: Record<string, string> = { host: 'Host', authorization: 'Authorization' }

/** Refuses what two servers may read differently: ambiguous paths and fields sent twice; before any hook that reads them. */
export function guardRequests(app: App): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const reason = unsafePath(request.raw.url as string)
    if (reason !== undefined) {
      return done(new Problem('unsafe-request', { detail: `The path has ${reason}` }))
    }
    const twice = duplicateHeader(request.raw.rawHeaders)
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
