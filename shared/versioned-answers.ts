import type { FastifyReply, FastifyRequest } from 'fastify'
import { crc32 } from 'node:zlib'
import { createKeptAnswers, type AnswerCache } from './answer-cache.ts'
import { REVALIDATE } from './etag-hook.ts'
import { noneMatchHits } from './etag.ts'
import type { App } from './server.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /**
     * Answers of this GET depend on nothing but the URL and the tenant's stored data, whose version names them. A function says
     * on what else: a text that is another one when the answer may be, such as the hour.
     */
    versioned?: true | ((request: FastifyRequest) => string)
  }
  interface FastifyRequest {
    /** The tag that the answer of a versioned route has, '' for others. */
    versionTag: string
  }
}

const isAny = (field: string | undefined) => field?.trim() === '*'

/**
 * Answers of polled routes, named by the version of the data that they show: who has that version gets a 304 before anything
 * is read, and an answer in memory is never stale.
 * @param maxBytes memory for all answers together
 * @param versionOf the version of what the caller may read; read before the data is
 */
export function createVersionedAnswers(
  maxBytes: number,
  versionOf: (request: FastifyRequest) => string | Promise<string>,
): Pick<AnswerCache, 'register'> & { tagOf(request: FastifyRequest): Promise<string> } {
  const answers = createKeptAnswers(maxBytes)

  function tagOf({ caller, url }: FastifyRequest, version: string, variant: string): string {
    // A tag is compared with those of its own URL only (RFC 9110 8.8.3); this is for clients that mix them up.
    return `"${version}.${variant}${crc32(`${caller.tenant}\n${url}`).toString(16)}"`
  }

  /** @returns whether the answer is on its way */
  function answer(request: FastifyRequest, reply: FastifyReply, tag: string): boolean {
    const { 'if-none-match': has } = request.headers
    if (!isAny(has) && noneMatchHits(has, tag)) {
      void reply.code(304).header('etag', tag).header('cache-control', REVALIDATE).send()
      return true
    }
    const kept = answers.get(request.caller.tenant, request.url)
    if (kept?.headers.etag === tag) {
      void reply.headers(kept.headers).send(kept.payload)
      return true
    }
    request.versionTag = tag
    return false
  }

  return {
    /**
     * The tag that the answer to a GET of this URL has now, where the route says `versioned: true`: who changes what is there
     * reads it first, and then finds by this that it is what the caller knows.
     */
    tagOf: async (request) => tagOf(request, await versionOf(request), ''),
    register(app: App): void {
      app.decorateRequest('versionTag', '')
      app.addHook('preValidation', (request, reply, done) => {
        const { versioned } = request.routeOptions.config
        if (versioned === undefined) return done()
        const variant = versioned === true ? '' : `${versioned(request)}.`
        const go = (version: string) => void (answer(request, reply, tagOf(request, version, variant)) || done())
        const version = versionOf(request)
        if (typeof version === 'string') go(version)
        else version.then(go, done)
      })
      app.addHook('onSend', (request, reply, payload, done) => {
        const { versionTag } = request
        const isText = typeof payload === 'string' || Buffer.isBuffer(payload)
        if (versionTag === '' || !isText || reply.statusCode !== 200) return done(null, payload)
        reply.header('etag', versionTag)
        if (request.method === 'GET') answers.keep(request.caller.tenant, request.url, payload, reply)
        done(null, payload)
      })
    },
  }
}
