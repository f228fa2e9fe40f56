import type { Health } from '#shared/health.ts'
import { Problem } from '#shared/problem.ts'
import type { Writes } from '#shared/writes.ts'
import type { IdentityConfig } from '../config.ts'
import type { SigningKeys } from '../signing/keys.ts'
import type { Revocations, Revoked } from './store.ts'

export interface FeedOptions {
  revocations: Revocations
  signingKeys: Pick<SigningKeys, 'jwks' | 'onChange'>
  writes: Pick<Writes, 'onCommit'>
  health: Pick<Health, 'isDraining' | 'onDraining'>
  config: Pick<IdentityConfig, 'REVOCATION_FEEDS_MAX'>
}

export interface FeedQuery {
  /** Number of the last revocation that the gateway knows; without it everything alive is answered. */
  after?: number
  /** What the gateway knows that number from; another one than now is as good as no number. */
  epoch?: string
  /** The key set that the gateway knows; a change of it ends the wait, too. */
  jwks?: string
  /** Seconds. */
  wait_s: number
}

export interface FeedAnswer extends Revoked {
  /** Hash of the published key set: another one means that it should be fetched anew. */
  jwks: string
}

export type Feed = ReturnType<typeof createFeed>

/** What gateways must forget, told as soon as it is on disk: a request waits until there is something (long polling). */
export function createFeed({ revocations, signingKeys, writes, health, config }: FeedOptions) {
  const waiting = new Set<() => void>()
  const wakeAll = () => {
    for (const wake of [...waiting]) wake()
  }
  let told = revocations.seq()
  writes.onCommit(() => {
    const seq = revocations.seq()
    if (seq === told) return
    told = seq
    wakeAll()
  })
  signingKeys.onChange(wakeAll)
  health.onDraining(wakeAll)

  /** @throws Problem overloaded when too many wait */
  function news(ms: number, signal: AbortSignal): Promise<void> {
    if (waiting.size >= config.REVOCATION_FEEDS_MAX) {
      throw new Problem('overloaded', {
        detail: 'Too many requests wait for revocations (REVOCATION_FEEDS_MAX)',
        headers: { 'retry-after': '1' },
      })
    }
    return new Promise((resolve) => {
      const done = () => {
        waiting.delete(done)
        clearTimeout(timeout)
        signal.removeEventListener('abort', done)
        resolve()
      }
      const timeout = setTimeout(done, ms)
      signal.addEventListener('abort', done)
      waiting.add(done)
    })
  }

  return {
    /**
     * What came after `after`: at once when there is something, or the key set is another one; else when there is, when the
     * time is over, when the process stops, or when `signal` says that nobody listens any more.
     */
    async after({ after, epoch, jwks, wait_s }: FeedQuery, signal: AbortSignal): Promise<FeedAnswer> {
      const seq = revocations.seq()
      const isKnown = after !== undefined && after <= seq && (epoch === undefined || epoch === revocations.epoch)
      const from = isKnown ? after : 0
      const keys = jwks ?? signingKeys.jwks().hash
      const hasNews = () => !isKnown || revocations.seq() > from || signingKeys.jwks().hash !== keys
      if (wait_s > 0 && !hasNews() && !health.isDraining()) await news(wait_s * 1000, signal)
      return { ...revocations.since(from), jwks: signingKeys.jwks().hash }
    },
    /** Requests that wait. */
    waiting: () => waiting.size,
    /** Answers those that wait. */
    stop: wakeAll,
  }
}
