import { invalidField } from './problem.ts'

/**
 * An opaque cursor: the sort key of the last item that was given out, so that insertions never shift a page.
 * @param key the values of the ORDER BY columns
 */
export const encodeCursor = (key: readonly (string | number)[]): string =>
  Buffer.from(JSON.stringify(key)).toString('base64url')

/** Numbers are times, sequence numbers and ranks: a column of 64 bits refuses all else. PostgreSQL has no NUL in a text. */
const isKeyPart = (value: unknown, type: 'string' | 'number'): boolean =>
  type === 'number' ? Number.isSafeInteger(value) : typeof value === 'string' && !value.includes('\0')

/**
 * The sort key in a cursor.
 * @param types what each value must be, in order; a number is a safe integer
 * @throws Problem invalid-input naming `cursor`
 */
export function decodeCursor(cursor: string, types: readonly ('string' | 'number')[]): (string | number)[] {
  let key: unknown
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString())
  } catch {
    key = undefined
  }
  if (!Array.isArray(key) || key.length !== types.length || !types.every((type, i) => isKeyPart(key[i], type))) {
    throw invalidField('querystring', 'cursor', 'is not a cursor that a list gave out')
  }
  return key as (string | number)[]
}

/**
 * `Link: <...>; rel="next"` (RFC 8288) for the next page of a list whose body has no place for it.
 * @param url path and query of this request
 */
export function nextLink(url: string, cursor: string): string {
  const [path] = url.split('?', 1)
  // Not a split: a query may hold question marks of its own (`?q=why?`).
  const params = new URLSearchParams(url.slice((path as string).length))
  params.delete('page')
  params.set('cursor', cursor)
  return `<${path}?${params.toString()}>; rel="next"`
}
