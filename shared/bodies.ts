import { isUtf8 } from 'node:buffer'
import { hash } from 'node:crypto'
import type { CommonConfig } from './config.ts'
import { describeFault, jsonFault } from './json-limits.ts'
import { invalidField, Problem } from './problem.ts'
import type { App } from './server.ts'

/** Bodies stay in their sockets, whatever their type. */
export function leaveBodies(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

/** Content codings of requests are not undone here: a few hundred bytes inflate to gigabytes (RFC 9110 15.5.16). */
export function refuseCodedBodies(app: App): void {
  app.addHook('preParsing', (request, _reply, payload, done) => {
    const coding = request.headers['content-encoding'] ?? 'identity'
    if (coding.toLowerCase() === 'identity' || request.routeOptions.config.codings === true) return done(null, payload)
    done(
      new Problem('unsupported-media-type', {
        detail: 'Bodies are taken without a Content-Encoding',
        headers: { 'accept-encoding': 'identity' },
      }),
    )
  })
}

/** JSON in UTF-8 only, with bounds on depth and keys; an empty body is no body, whatever its type says. */
export function parseJson(app: App, config: CommonConfig): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  const limits = { depth: config.JSON_MAX_DEPTH, keys: config.JSON_MAX_KEYS }
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(
    /^application\/(?:[\w.-]+\+)?json(?:\s*;\s*charset=(?:"?utf-8"?))?\s*$/i,
    { parseAs: 'buffer' },
    (request, body: Buffer, done) => {
      if (body.length === 0) return done(null, undefined)
      if (!isUtf8(body)) return done(new Problem('invalid-input', { detail: 'The body is not valid UTF-8' }))
      void parse(request as never, body.toString(), (error, value) => {
        if (error !== null)
          return done(new Problem('invalid-input', { detail: `The body is not JSON: ${error.message}` }))
        const fault = jsonFault(value, limits)
        done(fault === undefined ? null : invalidField('body', '', describeFault(fault, limits)), value)
      })
    },
  )
  app.addHook('preValidation', (request, _reply, done) => {
    if (request.headers['idempotency-key'] !== undefined && request.fingerprint === '') {
      const body = request.body === undefined ? '' : JSON.stringify(request.body)
      request.fingerprint = hash('sha256', `${request.method} ${request.url}\n${body}`)
    }
    done()
  })
}
