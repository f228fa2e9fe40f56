import type { FastifyRequest } from 'fastify'
import { hash } from 'node:crypto'
import type { GatewayConfig } from '../config.ts'
import type { Route } from '../upstreams.ts'
import type { createAccessTokens } from './access-token.ts'
import type { Feed } from './feed.ts'
import type { Identity, Verdict } from './identity.ts'
import type { createLookup } from './lookup.ts'
import { readCredential, type Offered, type Source } from './offered.ts'
import { createRecent } from './recent.ts'
import type { Reason } from './refusals.ts'
import type { Revoked } from './revoked.ts'

export interface VerifierOptions {
  config: Pick<
    GatewayConfig,
    'IDENTITY_CACHE_MAX' | 'IDENTITY_PENDING_MAX' | 'IDENTITY_TIMEOUT_MS' | 'CREDENTIAL_MAX_LENGTH'
  >
  accessTokens: ReturnType<typeof createAccessTokens>
  lookup: ReturnType<typeof createLookup>
  revoked: Revoked
  feed: Pick<Feed, 'isSynced' | 'whenSynced'>
  /** Counts one verification for the network of a request; whether there was budget left for it. */
  spend(request: FastifyRequest): Promise<boolean>
}

export type Verifier = ReturnType<typeof createVerifier>

/** A credential that was refused is refused again for so long without a look at it. */
const REFUSED_MS = 1000
const REFUSED_MAX = 10_000
/** What changes while something is verified makes it be verified anew; more than twice in a row is no accident. */
const ATTEMPTS = 3

/** Nobody knows at this moment: another one may, so it is not remembered. */
const PASSING: ReadonlySet<Reason> = new Set(['budget', 'overloaded', 'unverifiable'])

/**
 * Verifies credentials once and remembers what came of it, by the hash of the credential: a hit costs a hash and a look-up. Who
 * comes with the same credential while it is being verified waits for the same answer.
 */
export function createVerifier({ config, accessTokens, lookup, revoked, feed, spend }: VerifierOptions) {
  const verified = createRecent<Identity>(config.IDENTITY_CACHE_MAX)
  const refused = createRecent<{ reason: Reason; until: number }>(REFUSED_MAX)
  const pending = new Map<string, Promise<Verdict>>()
  let cleared = 0
  const counts = { hits: 0, misses: 0, refusals: new Map<Reason, number>() }

  async function verifyOnce(offered: Offered, { ip, id: requestId }: FastifyRequest): Promise<Verdict> {
    if ('ask' in offered) return lookup(offered.ask, { ip, requestId, change: revoked.change() })
    // Who does not know what has been revoked cannot let in anybody whom nobody else vouches for.
    if (!feed.isSynced() && !(await feed.whenSynced(config.IDENTITY_TIMEOUT_MS))) return 'unverifiable'
    return accessTokens(offered.token, offered.kid)
  }

  /** What is good is remembered in the same breath in which it is seen that nothing has changed meanwhile. */
  async function verify(key: string, offered: Offered, request: FastifyRequest): Promise<Verdict> {
    if (!(await spend(request))) return 'budget'
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      const before = cleared
      const verdict = await verifyOnce(offered, request)
      if (typeof verdict === 'string') return verdict
      const isOver = revoked.ends(verdict)
      if (!isOver && cleared === before) {
        verified.set(key, verdict)
        return verdict
      }
      if (isOver && verdict.issued !== undefined) return 'revoked'
    }
    return 'unverifiable'
  }

  async function settle(key: string, offered: Offered, request: FastifyRequest): Promise<Verdict> {
    let verdict: Verdict
    try {
      verdict = await verify(key, offered, request)
    } catch {
      verdict = 'unverifiable'
    }
    pending.delete(key)
    if (typeof verdict === 'string' && !PASSING.has(verdict))
      refused.set(key, { reason: verdict, until: Date.now() + REFUSED_MS })
    return verdict
  }

  function begin(
    key: string,
    source: Source,
    text: string,
    route: Route,
    request: FastifyRequest,
  ): Verdict | Promise<Verdict> {
    const known = refused.get(key)
    if (known !== undefined && known.until > Date.now()) return known.reason
    const offered = readCredential(source, text, route)
    if (typeof offered === 'string') return offered
    const underWay = pending.get(key)
    if (underWay !== undefined) return underWay
    if (pending.size >= config.IDENTITY_PENDING_MAX) return 'overloaded'
    counts.misses++
    const verdict = settle(key, offered, request)
    pending.set(key, verdict)
    return verdict
  }

  return {
    /** What a credential is worth: at once when that is known or can be seen, else as soon as it has been found out. */
    check(source: Source, text: string, route: Route, request: FastifyRequest): Verdict | Promise<Verdict> {
      if (text.length > config.CREDENTIAL_MAX_LENGTH) return 'too-long'
      const key = `${source}:${hash('sha256', text, 'base64url')}`
      const known = verified.get(key)
      if (known !== undefined) {
        if (known.expires > Date.now() && !revoked.ends(known)) {
          counts.hits++
          return known.basic && route.authorization !== 'basic' ? 'scheme' : known
        }
        verified.delete(key)
      }
      return begin(key, source, text, route, request)
    },
    /** Notes a refusal for the metrics. */
    refused(reason: Reason): void {
      counts.refusals.set(reason, (counts.refusals.get(reason) ?? 0) + 1)
    },
    /** Nothing that was verified before is believed any more. */
    clear(): void {
      cleared++
      verified.clear()
    },
    counts,
    sizes: () => ({ verified: verified.size(), pending: pending.size }),
  }
}
