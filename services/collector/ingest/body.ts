import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { isUtf8 } from 'node:buffer'
import { utf8Refusal } from './places.ts'

export const JSON_TYPE = /^application\/(?:[\w.-]+\+)?json(?:\s*;\s*charset=(?:"?utf-8"?))?\s*$/i

/** JSON bodies of these routes come to the handler as their text: they are parsed where they are written. */
export function takeJsonText(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, (_request, body: Buffer, done) => {
    if (!isUtf8(body)) return done(new Problem('invalid-input', { detail: `The body ${utf8Refusal(body)}` }))
    done(null, body.toString())
  })
}
