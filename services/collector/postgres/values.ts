/** PostgreSQL's texts have no U+0000; its picture stands for it. */
const NUL = '\u0000'
const PICTURE_OF_NUL = '\u2400'

/** A text as PostgreSQL can keep it. */
export const storable = (text: string): string => (text.includes(NUL) ? text.replaceAll(NUL, PICTURE_OF_NUL) : text)

const SPECIAL = /["\\]/g

function elementOf(value: unknown): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'string') return `"${storable(value).replace(SPECIAL, '\\$&')}"`
  if (Buffer.isBuffer(value)) return `"\\\\x${value.toString('hex')}"`
  return String(value)
}

/** A value as it goes over the wire: bytes as they are, everything else as text. */
export function encode(value: unknown): string | Buffer | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return storable(value)
  if (Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return `{${value.map(elementOf).join(',')}}`
  return String(value)
}
