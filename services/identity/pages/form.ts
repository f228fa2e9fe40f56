import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { isUtf8 } from 'node:buffer'
import { html, type Content, type Html } from '#shared/html.ts'

export interface Field {
  name: string
  label: string
  type?: 'text' | 'email' | 'password'
  value?: string
  /** What browsers and password managers fill in (HTML 4.10.18.7). */
  autocomplete?: string
  inputmode?: 'numeric'
  minlength?: number
  maxlength?: number
  /** How it should look: `code` for a one-time code. */
  look?: 'code'
  readonly?: boolean
  optional?: boolean
  autofocus?: boolean
  hint?: string
  /** What was wrong with what was sent. */
  fault?: string | undefined
}

/** One labelled input; its hint and its fault are read out with it. */
export function field(options: Field): Html {
  const { name, type = 'text', value, hint, fault } = options
  const described = [...(hint === undefined ? [] : [`${name}-hint`]), ...(fault === undefined ? [] : [`${name}-fault`])]
  const attributes: [string, string | number | boolean | undefined][] = [
    ['class', options.look],
    ['value', value],
    ['autocomplete', options.autocomplete],
    ['inputmode', options.inputmode],
    ['minlength', options.minlength],
    ['maxlength', options.maxlength],
    ['readonly', options.readonly],
    ['required', options.optional !== true],
    ['autofocus', options.autofocus],
    ['aria-invalid', fault === undefined ? undefined : 'true'],
    ['aria-describedby', described.length === 0 ? undefined : described.join(' ')],
  ]
  return html`<div class="field">
    <label for="${name}">${options.label}</label>
    <input
      id="${name}"
      name="${name}"
      type="${type}"
      ${attributes.map(([key, given]) =>
        given === undefined || given === false ? '' : given === true ? html` ${key}` : html` ${key}="${given}"`,
      )}
    />
    ${hint !== undefined && html`<p class="hint" id="${name}-hint">${hint}</p>`}
    ${fault !== undefined && html`<p class="fault" id="${name}-fault">${fault}</p>`}
  </div>`
}

/** A button that sends its form; a `name` tells several in one form apart. */
export const button = (
  label: string,
  { name, value, quiet }: { name?: string; value?: string; quiet?: boolean } = {},
) =>
  html`<button
    type="submit"
    ${name !== undefined && html` name="${name}" value="${value ?? ''}"`}${quiet === true && html` class="quiet"`}
  >
    ${label}
  </button>`

/** A form that is sent by POST, with values that the person does not see. */
export const form = (action: string, hidden: Record<string, string>, content: Content) =>
  html`<form method="post" action="${action}">
    ${Object.entries(hidden).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}" />`)}
    ${content}
  </form>`

/** What went well or wrong, read out at once. */
export const notice = (kind: 'good' | 'bad', content: Content) =>
  html`<div class="notice ${kind}" role="${kind === 'bad' ? 'alert' : 'status'}">${content}</div>`

/** More fields than any page has. */
const FIELDS_MAX = 50

/**
 * Lets the routes of one plugin take `application/x-www-form-urlencoded` (WHATWG URL 5.1); nowhere else is it read, because
 * other sites' pages can send it.
 */
export function takeForms(routes: App): void {
  routes.addContentTypeParser(
    /^application\/x-www-form-urlencoded(?:\s*;.*)?$/i,
    { parseAs: 'buffer' },
    (_request, body: Buffer, done) => {
      if (!isUtf8(body)) return done(new Problem('invalid-input', { detail: 'The form is not valid UTF-8' }))
      const fields = [...new URLSearchParams(body.toString())]
      if (fields.length > FIELDS_MAX)
        return done(new Problem('invalid-input', { detail: 'The form has too many fields' }))
      // Object.fromEntries defines own properties, so a field named __proto__ is only a field; of doubles the last one counts.
      done(null, Object.fromEntries(fields))
    },
  )
}
