import { ConfigError } from '#shared/config.ts'
import { newKeyPair, publicJwkOf } from '#shared/ed25519.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import { createPrivateKey, createPublicKey, sign, type JsonWebKeyInput, type KeyObject } from 'node:crypto'
import type { JWK } from 'jose'
import type { Stores } from '../../engine/engine.ts'
import { refuseForeign } from '../../engine/foreign.ts'
import type { Writer } from '../../writer/queue.ts'
import { bundleKeyAad, type BundleKey } from './store.ts'

/** What signs the bundles of one report. */
export interface Signer {
  keyId: string
  /** An Ed25519 signature (RFC 8032), 64 bytes: the same text always gets the same one. */
  sign(text: Buffer): Buffer
}

interface KeyParts {
  store: Stores['bundleKeys']
  writer: Pick<Writer, 'run'>
  keyring: Keyring
  logger: Pick<Logger, 'error' | 'info'>
}

export type BundleKeys = ReturnType<typeof createBundleKeys>

const ALG = 'EdDSA'

/** The public half, as others may have it. */
export const publicJwk = ({ publicKey }: Pick<BundleKey, 'publicKey'>): JWK => publicJwkOf(publicKey, ALG)

/** The public half in PEM (SubjectPublicKeyInfo, RFC 8410). */
export const publicPem = (key: Pick<BundleKey, 'publicKey'>): string =>
  createPublicKey({ key: publicJwk(key) as JsonWebKeyInput['key'], format: 'jwk' })
    .export({ type: 'spki', format: 'pem' })
    .toString()

/** Which of these keys, in the order in which they sign, is the one for a report of that moment. */
export const keyFor = (keys: readonly BundleKey[], at: number): BundleKey =>
  (keys.findLast(({ active }) => active <= at) ?? keys[0]) as BundleKey

/** A new key that is not stored yet. @param active milliseconds since 1970 */
export function newBundleKey(keyring: Keyring, active: number): BundleKey {
  const { publicJwk: half, privateJwk } = newKeyPair(ALG)
  const privateSealed = keyring.seal(JSON.stringify(privateJwk), bundleKeyAad(half.kid))
  return { kid: half.kid, publicKey: half.x, privateSealed, active, createdAt: Date.now() }
}

/** The private half in the clear. @throws what the keyring does when it is sealed with another key */
const opened = ({ kid, privateSealed }: BundleKey, keyring: Keyring): string =>
  keyring.open(Buffer.from(privateSealed), bundleKeyAad(kid)).toString()

/** @throws ConfigError when one of these was sealed with a key that is not in the keyring */
export function refuseForeignKeys(keys: readonly BundleKey[], keyring: Keyring): void {
  for (const key of keys) refuseForeign(`the key ${key.kid} of bundles`, () => opened(key, keyring))
}

/**
 * The keys that sign bundles. They are read from the database for each bundle: it costs little beside the bundle, and
 * a process is never behind the others that share the database.
 */
export function createBundleKeys({ store, writer, keyring, logger }: KeyParts) {
  const known = new Map<string, KeyObject>()

  function privateKeyOf(stored: BundleKey): KeyObject {
    const found = known.get(stored.kid)
    if (found !== undefined) return found
    const jwk = JSON.parse(opened(stored, keyring)) as JsonWebKeyInput['key']
    const key = createPrivateKey({ key: jwk, format: 'jwk' })
    known.set(stored.kid, key)
    return key
  }

  /** All of them, in the order in which they sign; the first one is made when there is none. */
  async function all(): Promise<readonly BundleKey[]> {
    const keys = await store.all()
    // From 1970 on: it signs the reports that were there before it, too.
    return keys.length > 0 ? keys : await writer.run('addFirstBundleKey', newBundleKey(keyring, 0))
  }

  /** Brings what another key than the keyring's first has sealed under that one. */
  async function reseal(): Promise<void> {
    let resealed = 0
    const keys = await all()
    // The first one may be another replica's, which started at the same time.
    refuseForeignKeys(keys, keyring)
    for (const { kid, privateSealed } of keys) {
      const from = Buffer.from(privateSealed)
      if (!keyring.needsRotation(from)) continue
      const isDone = await writer.run('resealBundleKey', kid, from, keyring.resealed(from, bundleKeyAad(kid)))
      resealed += isDone ? 1 : 0
    }
    if (resealed > 0) logger.info({ resealed, primary: keyring.primary }, 'keys rotated')
  }

  return {
    all,
    /**
     * Makes the first key, and seals them all as the keyring does now. What goes wrong is logged: other things work.
     * @throws ConfigError when they are sealed with another key
     */
    prepare: (): Promise<void> =>
      reseal().catch((error: unknown) => {
        if (error instanceof ConfigError) throw error
        logger.error({ err: error }, 'the keys of bundles are not ready')
      }),
    /** What signs a bundle of something of that moment (milliseconds since 1970). */
    async signerFor(at: number): Promise<Signer> {
      const key = keyFor(await all(), at)
      const privateKey = privateKeyOf(key)
      return { keyId: key.kid, sign: (text) => sign(null, text, privateKey) }
    },
    /** The key that comes next, or replaces all; not stored yet. */
    next: (): BundleKey => newBundleKey(keyring, Date.now()),
    replacement: (): BundleKey => newBundleKey(keyring, 0),
  }
}
