import type { FastifyInstance } from 'fastify'
import { etagOf, noneMatchHits } from './etag.ts'

export const REVALIDATE = 'private, must-revalidate'

/**
 * Strong ETags on every answer that is a representation, and `304` for a client that has it (RFC 9110 13.1.2, 15.4.5).
 * A route that streams sets its own `etag`; `config.etag: false` leaves an answer without one.
 */
export function registerEtag(app: Pick<FastifyInstance, 'addHook'>): void {
  app.addHook('onSend', (request, reply, payload, done) => {
    const { statusCode } = reply
    const fits = statusCode === 200 || statusCode === 201
    const isText = typeof payload === 'string' || Buffer.isBuffer(payload)
    if (!fits || !isText || request.routeOptions.config.etag === false) return done(null, payload)
    let etag = reply.getHeader('etag') as string | undefined
    if (etag === undefined) {
      etag = etagOf(payload)
      reply.header('etag', etag)
    }
    const reads = request.method === 'GET' || request.method === 'HEAD'
    if (!reads) return done(null, payload)
    if (!reply.hasHeader('cache-control')) reply.header('cache-control', REVALIDATE)
    if (!noneMatchHits(request.headers['if-none-match'], etag)) return done(null, payload)
    reply.code(304).removeHeader('content-length').removeHeader('content-type')
    done(null, null)
  })
}

/** A compressed answer is another representation, so its strong tag says so (RFC 9110 8.8.3.3). Last of the onSend hooks. */
export function suffixCompressedEtag(app: FastifyInstance | Pick<FastifyInstance, 'addHook' | 'after'>): void {
  app.after(() => {
    app.addHook('onRoute', (route) => {
      const hooks = route.onSend === undefined ? [] : [route.onSend].flat()
      route.onSend = [
        ...hooks,
        (_request, reply, payload, done) => {
          const encoding = reply.getHeader('content-encoding')
          const etag = reply.getHeader('etag')
          if (typeof etag === 'string' && (encoding === 'br' || encoding === 'gzip')) {
            reply.header('etag', etag.replace(/"$/, `-${encoding}"`))
          }
          done(null, payload)
        },
      ]
    })
  })
}
