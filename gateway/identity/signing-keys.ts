import { importJWK, type CryptoKey, type JWK } from 'jose'
import { ACCESS_TOKEN } from '#shared/access-token.ts'

export type SigningKeys = ReturnType<typeof createSigningKeys>

export interface SigningKeysOptions {
  /** The key set that identity publishes. @throws Error when it cannot be had */
  fetchKeys(): Promise<unknown>
  /** A key is not published any more, or has become another one: what it signed is void. */
  onWithdrawn(): void
  /** Milliseconds of a clock that only goes forward. */
  now?: () => number
}

/** A token with an invented key id makes the set be fetched, but not more often than this. */
const REFRESH_MS = 1000
const KEYS_MAX = 100

interface Known {
  x: string
  key: CryptoKey
}

const isSigningKey = ({ kty, crv, alg, use = 'sig', kid, x }: JWK): boolean =>
  kty === 'OKP' &&
  crv === 'Ed25519' &&
  use === 'sig' &&
  (alg === undefined || alg === ACCESS_TOKEN.alg) &&
  typeof kid === 'string' &&
  typeof x === 'string'

/** The keys that access tokens may be signed with, by their ids: nothing else is ever looked up by what a token says. */
export function createSigningKeys({ fetchKeys, onWithdrawn, now = () => performance.now() }: SigningKeysOptions) {
  let keys = new Map<string, Known>()
  let hash: string | undefined
  let fetchedAt = -Infinity
  let failed = true
  let pending: Promise<void> | undefined

  async function fetchAll(): Promise<void> {
    failed = true
    const { keys: published } = (await fetchKeys()) as { keys?: unknown }
    if (!Array.isArray(published) || published.length > KEYS_MAX) throw new Error('identity publishes no key set')
    const next = new Map<string, Known>()
    for (const jwk of published as JWK[]) {
      if (!isSigningKey(jwk)) continue
      const { kty, crv, kid, x } = jwk as { kty: string; crv: string; kid: string; x: string }
      const known = keys.get(kid)
      const key = known?.x === x ? known.key : ((await importJWK({ kty, crv, x }, ACCESS_TOKEN.alg)) as CryptoKey)
      next.set(kid, { x, key })
    }
    const withdrawn = [...keys].some(([kid, { x }]) => next.get(kid)?.x !== x)
    keys = next
    failed = false
    if (withdrawn) onWithdrawn()
  }

  function refresh(): Promise<void> {
    fetchedAt = now()
    pending ??= fetchAll().finally(() => (pending = undefined))
    return pending
  }

  return {
    /** Sees to it that the set is the one with this hash. @throws Error when it cannot be had */
    async expect(wanted: string): Promise<void> {
      if (wanted === hash) return
      await pending?.catch(() => undefined)
      await refresh()
      hash = wanted
    },
    /**
     * The key of this id; undefined when there is none.
     * @throws Error when that cannot be found out
     */
    async find(kid: string): Promise<CryptoKey | undefined> {
      const known = keys.get(kid)
      if (known !== undefined) return known.key
      if (pending !== undefined || now() - fetchedAt >= REFRESH_MS) await refresh()
      else if (failed) throw new Error('the key set could not be had')
      return keys.get(kid)?.key
    },
    size: () => keys.size,
  }
}
