import { setTimeout as pause } from 'node:timers/promises'
import type { InternalClient } from '#shared/internal.ts'
import type { Logger } from '#shared/logger.ts'
import type { Revocation, Revoked } from './revoked.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Answer of `GET /internal/revocations`. */
interface News {
  /** Another one means another database or another run of identity: then this is everything, and not what is new. */
  epoch: string
  /** Number of the last revocation. */
  seq: number
  revocations: Revocation[]
  /** Hash of the published key set. */
  jwks: string
}

export type Feed = ReturnType<typeof createFeed>

export interface FeedOptions {
  client: Pick<InternalClient, 'ask' | 'available'>
  revoked: Revoked
  keys: Pick<SigningKeys, 'expect'>
  logger: Logger
  /** Nothing that was verified before is to be believed. */
  onReset(): void
}

/** A question is held for so long by identity when there is nothing to tell. */
const WAIT_S = 20
const TIMEOUT_MS = (WAIT_S + 5) * 1000
const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000
/** Between two questions: many revocations at once are then few answers. */
const BREATH_MS = 10
/** Identity may start after us; that it is away for longer is worth a line. */
const PATIENCE_MS = 5000

const isNews = (news: Partial<News> | undefined): news is News =>
  typeof news?.epoch === 'string' &&
  typeof news.jwks === 'string' &&
  Number.isSafeInteger(news.seq) &&
  Array.isArray(news.revocations)

type Position = Pick<News, 'epoch' | 'seq' | 'jwks'>

/** The hash of no key set at all. */
const NO_KEYS = 'none'

function queryAfter(known: Position | undefined): string {
  if (known === undefined) return ''
  const { epoch, seq, jwks } = known
  return `?after=${seq}&epoch=${encodeURIComponent(epoch)}&jwks=${encodeURIComponent(jwks)}&wait_s=${WAIT_S}`
}

/**
 * Hears of every revocation as soon as it is on identity's disk: one question is always under way, and identity answers it when
 * there is something to say. While it is away, what is known goes on being believed.
 */
export function createFeed({ client, revoked, keys, logger, onReset }: FeedOptions) {
  const stopped = new AbortController()
  const waiting = new Set<() => void>()
  let known: Position | undefined
  let synced = false
  /** Since when there is no contact. */
  let lostAt: number | undefined = Date.now()
  let isReported = false
  let running: Promise<void> = Promise.resolve()

  async function ask(): Promise<News> {
    const { status, body: news } = await client.ask<News>('identity', `/internal/revocations${queryAfter(known)}`, {
      timeoutMs: TIMEOUT_MS,
      signal: stopped.signal,
    })
    if (status !== 200 || !isNews(news)) throw new Error(`identity answers ${status} without news of revocations`)
    return news
  }

  async function poll(): Promise<void> {
    const { epoch, seq, revocations, jwks } = await ask()
    if (known === undefined) revoked.reset(revocations)
    else if (known.epoch !== epoch || seq < known.seq) {
      onReset()
      revoked.reset(revocations)
    } else if (revocations.length > 0) revoked.add(revocations)
    // The hash of the keys that are had: until they are, identity says at once that they are others.
    known = { epoch, seq, jwks: known?.jwks ?? NO_KEYS }
    await keys.expect(jwks)
    known.jwks = jwks
    if (isReported) logger.info('revocations are heard of again')
    isReported = false
    lostAt = undefined
    synced = true
    for (const go of waiting) go()
  }

  function lost(error: unknown): void {
    lostAt ??= Date.now()
    if (isReported || (!synced && Date.now() - lostAt < PATIENCE_MS)) return
    isReported = true
    logger.warn({ err: error }, 'identity does not tell about revocations')
  }

  const rest = (ms: number) => pause(ms, undefined, { signal: stopped.signal }).catch(() => undefined)

  async function listen(): Promise<void> {
    let wait = FIRST_PAUSE_MS
    while (!stopped.signal.aborted) {
      try {
        await poll()
        wait = FIRST_PAUSE_MS
        await rest(BREATH_MS)
      } catch (error) {
        if (stopped.signal.aborted) return
        lost(error)
        await rest(wait)
        wait = Math.min(wait * 2, LONGEST_PAUSE_MS)
      }
    }
  }

  return {
    start(): void {
      if (client.available) running = listen()
    },
    async stop(): Promise<void> {
      stopped.abort()
      await running
    },
    /** Whether it is known what has been revoked, be it of a while ago. */
    isSynced: () => synced,
    /** Waits until that is so, at most `ms`. @returns whether it is */
    async whenSynced(ms: number): Promise<boolean> {
      if (synced || !client.available) return synced
      const { promise, resolve } = Promise.withResolvers<void>()
      waiting.add(resolve)
      const timer = setTimeout(resolve, ms)
      await promise
      clearTimeout(timer)
      waiting.delete(resolve)
      return synced
    },
    /** Seconds for which revocations have not been heard of; 0 while there is contact. */
    silence: () => (lostAt === undefined ? 0 : (Date.now() - lostAt) / 1000),
  }
}
