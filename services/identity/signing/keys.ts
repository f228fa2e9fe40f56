import { createPrivateKey, hash, type JsonWebKeyInput, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import { ACCESS_TOKEN } from '#shared/access-token.ts'
import { newKeyPair } from '#shared/ed25519.ts'
import type { Logger } from '#shared/logger.ts'
import type { Writes } from '#shared/writes.ts'
import type { IdentityConfig } from '../config.ts'
import type { SigningKey, SigningKeyStore } from './store.ts'

export type SigningKeys = ReturnType<typeof createSigningKeys>

export interface SigningOptions {
  store: SigningKeyStore
  writes: Pick<Writes, 'run' | 'onCommit'>
  config: Pick<IdentityConfig, 'SIGNING_KEY_ROTATE_DAYS' | 'SIGNING_KEY_PUBLISH_AHEAD_S'>
  logger: Logger
  /** Milliseconds since 1970. */
  now?: () => number
}

/** Longest time for which others may keep the key set without asking; at most half the time for which a key is published ahead. */
const JWKS_MAX_AGE_S = 300
const DAY_MS = 86_400_000
const TEND_MS = 60_000
/** Longest life of what a key has signed: an hour for access tokens and for ID tokens; doubled for clocks that differ. */
const KEPT_AFTER_MS = 7_200_000

/** Which of these keys, in the order in which they sign, does so at a moment. */
export const signingOf = (keys: readonly SigningKey[], at: number): SigningKey =>
  keys.findLast(({ active }) => active <= at) as SigningKey

/**
 * The keys that sign tokens. A new one is published SIGNING_KEY_PUBLISH_AHEAD_S before it signs, so that every verifier knows
 * it by then, and stays published after it has retired until the last token that it signed is over. So nobody notices a change.
 */
export function createSigningKeys({ store, writes, config, logger, now = Date.now }: SigningOptions) {
  const listeners: (() => void)[] = []
  const privateKeys = new Map<string, KeyObject>()
  let keys: SigningKey[] = []
  /** Whether a write has touched what is stored. */
  let changed = false
  let jwks = { keys: [] as JWK[], hash: '' }

  function load(): void {
    keys = store.all()
    const published = keys.map((key) => key.public_jwk)
    const next = hash('sha256', JSON.stringify(published), 'base64url')
    if (next === jwks.hash) return
    jwks = { keys: published, hash: next }
    for (const listener of listeners) listener()
  }

  function add(active: number): void {
    const { publicJwk, privateJwk } = newKeyPair(ACCESS_TOKEN.alg)
    store.add(publicJwk, privateJwk, active)
  }

  /** The key that signs at this moment. */
  const current = (): SigningKey => signingOf(keys, now())

  /**
   * Makes the next key, unless one is waiting already; inside a write, and in force when that is on disk.
   * @param withdraw the present keys were stolen: the new one signs at once, and what they signed is void
   * @returns all keys as they are then
   */
  function rotate({ withdraw = false } = {}): SigningKey[] {
    const at = now()
    if (withdraw) {
      store.clear()
      add(at)
    } else if ((store.lastActive() ?? 0) <= at) add(at + config.SIGNING_KEY_PUBLISH_AHEAD_S * 1000)
    changed = true
    return store.all()
  }

  /** Makes the next key when it is time, and forgets those that nothing alive was signed with. */
  async function tend(): Promise<void> {
    const at = now()
    const last = keys.at(-1) as SigningKey
    if (last.active + config.SIGNING_KEY_ROTATE_DAYS * DAY_MS <= at) await writes.run(() => rotate())
    if (keys.some(({ retired }) => retired !== null && retired + KEPT_AFTER_MS <= at)) {
      await writes.run(() => {
        store.remove(at - KEPT_AFTER_MS)
        changed = true
      })
    }
  }

  if (store.lastActive() === undefined) add(now())
  load()
  writes.onCommit(() => {
    if (!changed) return
    changed = false
    load()
  })
  const timer = setInterval(() => {
    tend().catch((error: unknown) => logger.error({ err: error }, 'signing keys could not be tended'))
  }, TEND_MS).unref()

  return {
    rotate,
    tend,
    /** All of them, in the order in which they sign. */
    list: (): readonly SigningKey[] => keys,
    current,
    /** Id and private key to sign with at this moment. */
    signer(): { kid: string; key: KeyObject } {
      const { kid, private_jwk } = current()
      const key =
        privateKeys.get(kid) ?? createPrivateKey({ key: private_jwk as JsonWebKeyInput['key'], format: 'jwk' })
      privateKeys.set(kid, key)
      return { kid, key }
    },
    /** What verifiers need (RFC 7517 section 5) and its hash. */
    jwks: (): { keys: readonly JWK[]; hash: string } => jwks,
    /** Seconds for which verifiers may keep it. */
    jwksMaxAge: Math.min(JWKS_MAX_AGE_S, Math.floor(config.SIGNING_KEY_PUBLISH_AHEAD_S / 2)),
    /** With the private parts, the one that signs first: for oidc-provider, in this process only. */
    privateJwks: (): { keys: JWK[] } => {
      const { kid } = current()
      const first = keys.filter((key) => key.kid === kid)
      return { keys: [...first, ...keys.filter((key) => key.kid !== kid)].map((key) => key.private_jwk) }
    },
    /** Calls `listener` whenever the published keys have changed. */
    onChange: (listener: () => void): void => void listeners.push(listener),
    stop: () => clearInterval(timer),
  }
}
