import { headerName } from './header-names.ts'

/**
 * The fields of a request that may go on, as a flat list with lower-case names: those in `allowed`, without framing, Expect
 * and hop-by-hop fields, those that Connection nominates (RFC 9110 7.6.1), and names with `_`, which some servers read as `-`.
 */
export function filterRequestHeaders(rawHeaders: readonly string[], allowed: ReadonlySet<string>): string[] {
  const kept: string[] = []
  let nominated: Set<string> | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = headerName(rawHeaders[i] as string)
    if (name === undefined) continue
    if (!name.hop) {
      if (allowed.has(name.lower)) kept.push(name.lower, rawHeaders[i + 1] as string)
    } else if (name.role === 'connection') {
      nominated = nominatedBy(rawHeaders[i + 1] as string, nominated)
    }
  }
  return nominated === undefined ? kept : withoutNames(kept, nominated)
}

/** The field names that a Connection value nominates, added to `names`; undefined when there are none. */
export function nominatedBy(value: string, names?: Set<string>): Set<string> | undefined {
  if (value === 'keep-alive' || value === 'close') return names
  const all = names ?? new Set<string>()
  for (const option of value.split(',')) all.add(option.trim().toLowerCase())
  return all
}

export function withoutNames(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    if (!names.has(headers[i] as string)) kept.push(headers[i] as string, headers[i + 1] as string)
  }
  return kept
}

/** The lower-case name of a field that a request carries twice though it may only once, e.g. `host`; else undefined. */
export function duplicateHeader(rawHeaders: readonly string[]): string | undefined {
  let seen = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = headerName(rawHeaders[i] as string)
    if (name === undefined || name.once === 0) continue
    if ((seen & name.once) !== 0) return name.lower
    seen |= name.once
  }
  return undefined
}

// Each of them is read differently by different servers, which is how a path slips past a rule made for another reading.
const UNSAFE: ReadonlyArray<readonly [pattern: RegExp, reason: string]> = [
  [/[\0-\x20\x7f]/, 'a control character'],
  [/%(?:25)*(?:[01][0-9a-f]|7f)/i, 'an encoded control character'],
  [/\\|%(?:25)*5c/i, 'a backslash'],
  [/#/, 'a fragment'],
  [/%(?:25)+2[ef]/i, 'a doubly encoded dot or slash'],
  [/\/\//, 'an empty segment'],
  [/(?:\/|%2f)(?:\.|%2e){1,2}(?:\/|%2f|;|$)/i, 'a dot segment'],
]
const SUSPICIOUS = /[\0-\x20\x7f\\#]|%(?:25|[01]|7f|5c|2[ef])|\/\/|\/\./i

/**
 * Why the path of a request target is refused, or undefined. The query is not looked at. Targets that are not a path (an
 * absolute URI, an authority) are refused as well; `*` is not.
 */
export function unsafePath(rawUrl: string): string | undefined {
  const query = rawUrl.indexOf('?')
  const path = query < 0 ? rawUrl : rawUrl.slice(0, query)
  if (path.charCodeAt(0) !== 0x2f) return path === '*' ? undefined : 'not a path'
  if (!SUSPICIOUS.test(path)) return undefined
  for (const [pattern, reason] of UNSAFE) if (pattern.test(path)) return reason
  return undefined
}
