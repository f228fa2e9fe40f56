import { Problem } from '#shared/problem.ts'

const BACKSLASH = 0x5c
const SIMPLE: Record<string, string> = { b: '\b', f: '\f', n: '\n', r: '\r', t: '\t', '"': '"', '\\': '\\', '/': '/' }

const badEscape = () => new Problem('invalid-input', { detail: 'The body is not JSON: bad escape in a string' })

/**
 * The characters of a JSON string (RFC 8259 section 7), one byte at a time: writers of JSON may put `\/` for a slash and
 * `\u002B` for a plus. Bytes above 0x7f come back as single characters, which no data URL has.
 */
export function createUnescape() {
  let pending: string | undefined

  function unescape(byte: number): string | undefined {
    const char = String.fromCharCode(byte)
    if (pending === undefined) {
      if (byte !== BACKSLASH) return char
      pending = ''
      return undefined
    }
    pending += char
    if (pending[0] !== 'u') {
      pending = undefined
      const simple = SIMPLE[char]
      if (simple === undefined) throw badEscape()
      return simple
    }
    if (pending.length < 5) return undefined
    const digits = pending.slice(1)
    pending = undefined
    if (!/^[\da-f]{4}$/i.test(digits)) throw badEscape()
    return String.fromCharCode(Number.parseInt(digits, 16))
  }

  /** Whether the next byte continues an escape sequence. */
  unescape.isInside = () => pending !== undefined
  return unescape
}
