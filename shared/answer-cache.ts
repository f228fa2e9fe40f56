import type { FastifyRequest } from 'fastify'
import { etagOf } from './etag.ts'
import type { App } from './server.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Answers of this GET depend on nothing but the caller's stored data and the URL, and may be kept in memory. */
    cached?: boolean
  }
  interface FastifyRequest {
    /** How many writes there had been when this request was asked; -1 when its answer is not to be kept. */
    writesBefore: number
  }
}

interface Kept {
  payload: string | Buffer
  headers: Record<string, string>
  bytes: number
}

export type AnswerCache = ReturnType<typeof createAnswerCache>

const KEPT_HEADERS = ['content-type', 'etag', 'link'] as const
/** A larger answer would push too many others out. */
const SHARE = 8
const ENTRY_OVERHEAD_BYTES = 512

/**
 * Answers of polled lists, kept until their owner's data changes. A service is the only writer of its database and reads and
 * commits on one thread, so an answer that is still here is never stale.
 * @param maxBytes memory for all answers together; 0 keeps none
 */
export function createAnswerCache(maxBytes: number) {
  const owners = new Map<string, Map<string, Kept>>()
  let bytes = 0
  let writes = 0

  function forget(owner: string): void {
    for (const kept of owners.get(owner)?.values() ?? []) bytes -= kept.bytes
    owners.delete(owner)
  }

  function keep(owner: string, url: string, kept: Kept): void {
    const answers = owners.get(owner) ?? new Map<string, Kept>()
    bytes += kept.bytes - (answers.get(url)?.bytes ?? 0)
    answers.set(url, kept)
    // Whoever asked last is last to go.
    owners.delete(owner)
    owners.set(owner, answers)
    while (bytes > maxBytes) forget(owners.keys().next().value as string)
  }

  const ownerOf = (request: FastifyRequest) => request.caller.user ?? ''

  return {
    /** To be called inside every write: the owner's answers are void; without an owner, everybody's. */
    changed(owner?: string): void {
      writes++
      if (owner !== undefined) return forget(owner)
      owners.clear()
      bytes = 0
    },
    /** Bytes that are kept. */
    size: () => bytes,
    /** Answers routes with `config.cached` from memory. Before the ETag hook, so that a kept answer can be a 304. */
    register(app: App): void {
      if (maxBytes === 0) return
      app.decorateRequest('writesBefore', -1)
      app.addHook('preValidation', (request, reply, done) => {
        if (request.routeOptions.config.cached !== true) return done()
        const kept = owners.get(ownerOf(request))?.get(request.url)
        if (kept !== undefined) return void reply.headers(kept.headers).send(kept.payload)
        request.writesBefore = writes
        done()
      })
      app.addHook('onSend', (request, reply, payload, done) => {
        const isText = typeof payload === 'string' || Buffer.isBuffer(payload)
        if (!isText || request.writesBefore !== writes || reply.statusCode !== 200 || request.method !== 'GET') {
          return done(null, payload)
        }
        const size = Buffer.byteLength(payload) + request.url.length + ENTRY_OVERHEAD_BYTES
        if (size > maxBytes / SHARE) return done(null, payload)
        reply.header('etag', etagOf(payload))
        const headers: Record<string, string> = {}
        for (const name of KEPT_HEADERS) if (reply.hasHeader(name)) headers[name] = String(reply.getHeader(name))
        keep(ownerOf(request), request.url, { payload, headers, bytes: size })
        done(null, payload)
      })
    },
  }
}
