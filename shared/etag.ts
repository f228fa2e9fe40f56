import { hash } from 'node:crypto'
import { Problem } from './problem.ts'

/** Suffixes that tell a compressed representation from the plain one (RFC 9110 8.8.3.3 wants other strong tags). */
const ENCODING_SUFFIX = /-(?:gzip|br|deflate|zstd)"$/
const TAG = /\s*((?:W\/)?"[\x21\x23-\x7e\x80-\xff]*")\s*(?:,|$)/y

/**
 * Strong entity tag of a representation: a hash of its very bytes (RFC 9110 8.8.1). Without '-', or one in 262,144 would
 * end in `-br` and be taken for the tag of a compressed one.
 */
export function etagOf(representation: string | Uint8Array): string {
  return `"${hash('sha256', representation, 'base64url').slice(0, 27).replaceAll('-', '_')}"`
}

/** The tags of an `If-Match` or `If-None-Match` field, compression suffixes taken off; '*' alone means any. */
function tagsOf(field: string): string[] | '*' {
  if (field.trim() === '*') return '*'
  const tags: string[] = []
  TAG.lastIndex = 0
  for (let match = TAG.exec(field); match !== null; match = TAG.exec(field)) {
    tags.push((match[1] as string).replace(ENCODING_SUFFIX, '"'))
    if (TAG.lastIndex >= field.length) break
  }
  return tags
}

/** `If-None-Match` by weak comparison (RFC 9110 13.1.2): true = the client's copy is good. */
export function noneMatchHits(field: string | undefined, etag: string): boolean {
  if (field === undefined) return false
  if (field === etag) return true
  const tags = tagsOf(field)
  return tags === '*' || tags.some((tag) => tag.replace(/^W\//, '') === etag)
}

/** `If-Match` by strong comparison (RFC 9110 13.1.1). */
export function matchHits(field: string, etag: string): boolean {
  const tags = tagsOf(field)
  return tags === '*' || tags.includes(etag)
}

/**
 * `If-Match`, to be called inside the write's transaction.
 * @param etag tag of the stored representation, undefined when there is none
 * @throws Problem precondition-failed (412)
 */
export function requireMatch(field: string | undefined, etag: string | undefined): void {
  if (field === undefined) return
  if (etag !== undefined && matchHits(field, etag)) return
  throw new Problem('precondition-failed', {
    detail: 'If-Match does not name the current version; read it again and repeat the change',
    ...(etag === undefined ? {} : { headers: { etag } }),
  })
}
