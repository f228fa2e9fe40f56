/** Bytes from `start` to `end`, both included. */
export interface ByteRange {
  start: number
  end: number
}

const SPECIFIER = /^bytes=[ \t]*(\d*)-(\d*)[ \t]*$/i

/**
 * The one range that a `Range` field asks for (RFC 9110 section 14.1.2).
 * @param size of the whole, in bytes
 * @returns undefined when the whole is to be sent: no field, another unit, nonsense, or several ranges, which a server
 *   may ignore (14.2); 'unsatisfiable' when the range is valid and outside of the file (416)
 */
export function rangeOf(field: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = field === undefined ? null : SPECIFIER.exec(field)
  if (match === null) return undefined
  const [first, last] = [match[1] as string, match[2] as string]
  if (first === '') {
    if (last === '') return undefined
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return undefined
  return start >= size ? 'unsatisfiable' : { start, end }
}

/**
 * Whether a range may be served to who sent this `If-Range` (RFC 9110 section 13.1.5): strong comparison; a date never
 * fits, since images have no Last-Modified.
 */
export const ifRangeHolds = (field: string | undefined, etag: string): boolean => field === undefined || field === etag
