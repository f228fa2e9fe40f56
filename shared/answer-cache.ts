import type { FastifyReply, FastifyRequest } from 'fastify'
import { crc32 } from 'node:zlib'
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

export interface KeptAnswer {
  payload: string | Buffer
  headers: Record<string, string>
}

export type AnswerCache = ReturnType<typeof createAnswerCache>

const KEPT_HEADERS = ['content-type', 'etag', 'link'] as const
/** A larger answer would push too many others out. */
const SHARE = 8
/** What one owner keeps at most: a part of all. Beyond, that owner's oldest answers go, and nobody else's. */
const OWNER_SHARE = 4
const ENTRY_OVERHEAD_BYTES = 512
/** Questions that were asked once; when there are so many, all are forgotten. */
const ASKED_MAX = 10_000

/**
 * Answers by owner and URL, of what is asked for the second time: to keep what nobody asks for again is work for the garbage
 * collector, and pushes out what somebody does. Of an owner who has too many the oldest go; when there are too many in all, the
 * owner who asked least lately goes first.
 * @param maxBytes memory for all answers together
 */
export function createKeptAnswers(maxBytes: number) {
  const owners = new Map<string, { answers: Map<string, KeptAnswer & { bytes: number }>; bytes: number }>()
  const asked = new Set<number>()
  let bytes = 0

  /** Whether it was asked before, or, seldom, another one whose checksum is the same. */
  function isAskedAgain(owner: string, url: string): boolean {
    const checksum = crc32(url, crc32(owner))
    if (asked.has(checksum)) return true
    if (asked.size === ASKED_MAX) asked.clear()
    asked.add(checksum)
    return false
  }

  function forget(owner: string): void {
    bytes -= owners.get(owner)?.bytes ?? 0
    owners.delete(owner)
  }

  return {
    get: (owner: string, url: string): KeptAnswer | undefined => owners.get(owner)?.answers.get(url),
    forget,
    clear(): void {
      owners.clear()
      bytes = 0
    },
    /** Bytes that are kept. */
    size: () => bytes,
    /** Keeps the answer that is being sent, unless it is too large. */
    keep(owner: string, url: string, payload: string | Buffer, reply: FastifyReply): void {
      const size = Buffer.byteLength(payload) + url.length + ENTRY_OVERHEAD_BYTES
      if (size > maxBytes / SHARE || !isAskedAgain(owner, url)) return
      const headers: Record<string, string> = {}
      for (const name of KEPT_HEADERS) if (reply.hasHeader(name)) headers[name] = String(reply.getHeader(name))
      const own = owners.get(owner) ?? { answers: new Map<string, KeptAnswer & { bytes: number }>(), bytes: 0 }
      const drop = (which: string) => {
        const freed = own.answers.get(which)?.bytes ?? 0
        own.answers.delete(which)
        own.bytes -= freed
        bytes -= freed
      }
      drop(url)
      while (own.bytes + size > maxBytes / OWNER_SHARE) drop(own.answers.keys().next().value as string)
      own.answers.set(url, { payload, headers, bytes: size })
      own.bytes += size
      bytes += size
      // Whoever asked last is last to go.
      owners.delete(owner)
      owners.set(owner, own)
      while (bytes > maxBytes) forget(owners.keys().next().value as string)
    },
  }
}

/**
 * Answers of polled lists, kept until their owner's data changes. A service is the only writer of its database and reads and
 * commits on one thread, so an answer that is still here is never stale.
 * @param maxBytes memory for all answers together; 0 keeps none
 */
export function createAnswerCache(maxBytes: number) {
  const answers = createKeptAnswers(maxBytes)
  let writes = 0
  const ownerOf = (request: FastifyRequest) => request.caller.user ?? ''

  return {
    /** To be called inside every write: the owner's answers are void; without an owner, everybody's. */
    changed(owner?: string): void {
      writes++
      if (owner === undefined) answers.clear()
      else answers.forget(owner)
    },
    /** Bytes that are kept. */
    size: answers.size,
    /** Answers routes with `config.cached` from memory. Before the ETag hook, so that a kept answer can be a 304. */
    register(app: App): void {
      if (maxBytes === 0) return
      app.decorateRequest('writesBefore', -1)
      app.addHook('preValidation', (request, reply, done) => {
        if (request.routeOptions.config.cached !== true) return done()
        const kept = answers.get(ownerOf(request), request.url)
        if (kept !== undefined) return void reply.headers(kept.headers).send(kept.payload)
        request.writesBefore = writes
        done()
      })
      app.addHook('onSend', (request, reply, payload, done) => {
        const isText = typeof payload === 'string' || Buffer.isBuffer(payload)
        if (!isText || request.writesBefore !== writes || reply.statusCode !== 200 || request.method !== 'GET') {
          return done(null, payload)
        }
        if (!reply.hasHeader('etag')) reply.header('etag', etagOf(payload))
        answers.keep(ownerOf(request), request.url, payload, reply)
        done(null, payload)
      })
    },
  }
}
