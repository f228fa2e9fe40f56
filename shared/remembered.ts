import type { Aad } from './envelope.ts'
import type { Keyring } from './keyring.ts'
import { Problem } from './problem.ts'
import type { Answer, Once, Performed } from './writes.ts'

/** An answer as it is stored under its key; a sealed one has its fingerprint inside, for a hash of a password is a password to guess. */
export interface Remembered {
  fingerprint: string
  status: number
  body: string | Buffer
}

const SEALED_FINGERPRINT = 'sealed'
/** A SHA-256 in hexadecimal. */
const FINGERPRINT_LENGTH = 64

export const sealedAnswer = (owner: string, key: string): Aad => ({
  table: 'idempotency_keys',
  column: 'body',
  row: key,
  owner,
})

/** An answer's body as text; '' for none. */
export const textOf = ({ body }: Answer): string =>
  body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body)

/** What is kept of an answer, so that a retry of the request gets the same. @throws when it is sensitive and there is no keyring */
export function rememberedOf(
  { owner, key, fingerprint, sensitive = false }: Once,
  { status, body = '' }: Performed,
  keyringOf: () => Keyring,
): Remembered {
  const text = textOf({ status, body })
  if (!sensitive) return { fingerprint, status, body: text }
  const sealed = keyringOf().seal(fingerprint + text, sealedAnswer(owner, key))
  return { fingerprint: SEALED_FINGERPRINT, status, body: sealed }
}

function opened(
  { owner, key }: Once,
  known: Remembered,
  keyringOf: () => Keyring,
): { fingerprint: string; body: string } {
  if (typeof known.body === 'string') return { fingerprint: known.fingerprint, body: known.body }
  const text = keyringOf().open(known.body, sealedAnswer(owner, key)).toString()
  return { fingerprint: text.slice(0, FINGERPRINT_LENGTH), body: text.slice(FINGERPRINT_LENGTH) }
}

/**
 * The answer that a request got the first time.
 * @throws Problem idempotency-mismatch (422) for another request under the same key
 */
export function replayOf(once: Once, known: Remembered, keyringOf: () => Keyring): Performed & { body: string } {
  const { fingerprint, body } = opened(once, known, keyringOf)
  if (fingerprint !== once.fingerprint) {
    throw new Problem('idempotency-mismatch', {
      detail: 'This Idempotency-Key was already used with another request',
      errors: [{ in: 'headers', field: 'idempotency-key', message: 'was used with another request' }],
    })
  }
  return { status: known.status, body, replayed: true }
}
