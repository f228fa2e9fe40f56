/** What a report is called while it waits: its Idempotency-Key, which sorts by time and knows its size. */
export interface EntryId {
  id: string
  /** Of the report's text in UTF-8. */
  bytes: number
  /** Microseconds since 1970, made to grow. */
  order: number
}

const ORDER_DIGITS = 16
const PATTERN = /^(\d{16})-(\d{1,12})-[\da-f-]{36}$/

interface RandomSource {
  crypto?: {
    randomUUID?: () => string
    getRandomValues?: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>
  }
}

/**
 * A random UUID. `randomUUID` is missing on pages without TLS, `crypto` as a whole in old React Native: then the numbers
 * are weak, which is enough, for a key has to be different from others and not secret.
 */
export function randomId({ crypto }: RandomSource = globalThis as RandomSource): string {
  if (crypto?.randomUUID !== undefined) return crypto.randomUUID()
  const bytes =
    crypto?.getRandomValues?.(new Uint8Array(16)) ?? Uint8Array.from({ length: 16 }, () => Math.random() * 256)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** @param order of the last one; a clock that is set back does not turn the order around */
export function newEntryId(bytes: number, after: number, now = Date.now()): EntryId {
  const order = Math.max(now * 1000, after + 1)
  return { id: `${String(order).padStart(ORDER_DIGITS, '0')}-${bytes}-${randomId()}`, bytes, order }
}

/** What an id says; undefined for what is none. */
export function parseEntryId(id: string): EntryId | undefined {
  const [, order, bytes] = PATTERN.exec(id) ?? []
  return order === undefined ? undefined : { id, bytes: Number(bytes), order: Number(order) }
}

/** Bytes of a text in UTF-8, without making them. */
export function utf8Length(text: string): number {
  let bytes = text.length
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index)
    // Both halves of a surrogate pair count two, which makes four.
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 1 : 2
  }
  return bytes
}
