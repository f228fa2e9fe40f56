import type { Exchange } from './contract.ts'
import type { ResponseHead } from './response-head.ts'

/**
 * The fields of the client's answer: the gateway's own, then the upstream's that it does not set itself. Framing is not among
 * them. `vary` is merged: it says what the answer depends on, on either side.
 * @param yielding names of own fields that give way to the upstream's
 */
export function answerHeaders(head: ResponseHead, all: readonly string[], yielding?: ReadonlySet<string>): string[] {
  const theirs = head.headers
  const own = yielding === undefined ? all : remaining(all, theirs, yielding)
  const headers = own.slice()
  for (let i = 0; i < theirs.length; i += 2) {
    const name = theirs[i] as string
    if (name === 'set-cookie' || !has(own, name)) headers.push(name, theirs[i + 1] as string)
  }
  if (head.vary !== undefined) mergeVary(headers, head.vary)
  return headers
}

/** The gateway's own fields as a flat list with lower-case names. */
export function flatHeaders(own: Exchange['responseHeaders']): readonly string[] {
  if (isList(own)) return own
  const headers: string[] = []
  for (const [name, value] of Object.entries(own)) {
    for (const one of Array.isArray(value) ? value : [value]) headers.push(name.toLowerCase(), one)
  }
  return headers
}

function isList(own: Exchange['responseHeaders']): own is readonly string[] {
  return Array.isArray(own)
}

/** The own fields without those that give way to fields of the same name. */
function remaining(own: readonly string[], theirs: readonly string[], yielding: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let i = 0; i < own.length; i += 2) {
    const name = own[i] as string
    if (!yielding.has(name) || !has(theirs, name)) kept.push(name, own[i + 1] as string)
  }
  return kept
}

function has(own: readonly string[], name: string): boolean {
  for (let i = 0; i < own.length; i += 2) if (own[i] === name) return true
  return false
}

function mergeVary(headers: string[], theirs: string): void {
  for (let i = 0; i < headers.length; i += 2) {
    if (headers[i] === 'vary') {
      headers[i + 1] = union(headers[i + 1] as string, theirs)
      return
    }
  }
  headers.push('vary', theirs)
}

// An upstream says the same few things again and again.
const UNIONS_LIMIT = 256
const unions = new Map<string, string>()

function union(ours: string, theirs: string): string {
  if (ours === theirs) return ours
  const both = `${ours},${theirs}`
  const known = unions.get(both)
  if (known !== undefined) return known
  const names = new Map<string, string>()
  for (const name of both.split(',')) {
    const text = name.trim()
    if (text !== '' && !names.has(text.toLowerCase())) names.set(text.toLowerCase(), text)
  }
  const merged = names.has('*') ? '*' : [...names.values()].join(', ')
  if (unions.size >= UNIONS_LIMIT) unions.clear()
  unions.set(both, merged)
  return merged
}
