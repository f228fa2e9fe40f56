import { createHmac } from 'node:crypto'
import { networkOf } from '#shared/network.ts'
import { Problem } from '#shared/problem.ts'
import type { Owner } from '#shared/scope.ts'
import type { Writes } from '#shared/writes.ts'
import type { IdentityConfig } from '../config.ts'
import { createPending } from './pending.ts'
import type { FailureStore } from './store.ts'

export interface ThrottleParts {
  store: FailureStore
  writes: Pick<Writes, 'run'>
  /** Key of the MACs: without it the table says nothing about anybody. */
  secret: Buffer
  config: Pick<
    IdentityConfig,
    | 'LOGIN_TRIES_PAIR'
    | 'LOGIN_TRIES_ACCOUNT'
    | 'LOGIN_TRIES_NETWORK'
    | 'LOGIN_TRIES_CODE'
    | 'LOGIN_TRIES_HOURS'
    | 'LOGIN_DELAY_MAX_S'
    | 'LOGIN_KNOWN_DAYS'
    | 'PASSWORD_HASHES_WAITING'
  >
  /** Milliseconds since 1970. */
  now?: () => number
}

/** A try that was let through. It counts as failed until one of these is called. */
export interface Attempt {
  /** Of a password only: others wait for the verdict. */
  failed(): void
  succeeded(): Promise<void>
  /** It came to no verdict (the service is overloaded). */
  undone(): Promise<void>
}

/** What tries are counted for, and how many are free. */
interface Counted {
  key: Buffer
  tries: number
  /** Whether it can make anybody wait; what cannot is only counted. */
  binds: boolean
  /** Whether a success forgets the failures before it. */
  resets: boolean
}

interface Undo {
  one: Counted
  takeBack(): void
}

/** Tries that were let through, or what to wait for before it can be said whether another one is. */
type Admission = { undo: Undo[]; settle: () => void } | { waitFor: Buffer }

export type Throttle = ReturnType<typeof createThrottle>

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
const MS_PER_S = 1000

/**
 * Makes who guesses wait, twice as long after each failure: per account and network, per account and per network. A try is
 * counted as a failure before it is made, so that a thousand at once are not one; whom only tries without a verdict hold up
 * waits for theirs. Accounts that do not exist are treated
 * like those that do. Where somebody has signed in to an account before, only the failures of that very network count for it:
 * nobody can lock the owner out from elsewhere.
 */
export function createThrottle({ store, writes, secret, config, now = Date.now }: ThrottleParts) {
  const windowMs = config.LOGIN_TRIES_HOURS * HOUR_MS
  // More failures than make the longest wait would only take longer to be forgiven.
  const mostDelays = Math.ceil(Math.log2(config.LOGIN_DELAY_MAX_S)) + 1

  const pending = createPending()
  let waiting = 0

  const keyOf = (...of: string[]): Buffer => createHmac('sha256', secret).update(JSON.stringify(of)).digest()

  /** Failures that are not given back yet, one every `windowMs / tries`. */
  function failuresOf({ key, tries }: Counted): { failures: number; last: number; next: number } {
    const found = store.find(key)
    if (found === undefined) return { failures: 0, last: now(), next: 0 }
    const each = windowMs / tries
    const given = Math.floor((now() - found.last) / each)
    return given < found.failures
      ? { failures: found.failures - given, last: found.last + given * each, next: found.next }
      : { failures: 0, last: now(), next: found.next }
  }

  function put({ key, tries }: Counted, failures: number, last: number, next: number): void {
    if (failures === 0) store.remove(key)
    else store.put(key, { failures, last, next, expires: Math.max(next, last + failures * (windowMs / tries)) })
  }

  /** What a try must wait for: nothing, or tries for this key. @throws Problem too-many-requests (429), the same for everybody */
  function heldUpBy(counted: readonly Counted[]): Buffer | undefined {
    let waitFor: Buffer | undefined
    let wait = 0
    for (const one of counted.filter(({ binds }) => binds)) {
      const { failures, next } = failuresOf(one)
      if (failures <= one.tries || next <= now()) continue
      const out = pending.count(one.key)
      if (out > 0 && failures - out <= one.tries) waitFor = one.key
      else wait = Math.max(wait, next - now())
    }
    if (wait === 0) return waitFor
    throw new Problem('too-many-requests', {
      detail: 'Too many tries to sign in; wait before the next one',
      headers: { 'retry-after': String(Math.ceil(wait / MS_PER_S)) },
    })
  }

  /** Counts a try, and gives what takes it back. */
  function count(counted: readonly Counted[]): Undo[] {
    const states = counted.map((one) => ({ one, ...failuresOf(one) }))
    return states.map(({ one, failures: before, last, next: previous }) => {
      const failures = Math.min(before + 1, one.tries + mostDelays)
      const delays = failures - one.tries
      const delayS = delays > 0 ? Math.min(2 ** (delays - 1), config.LOGIN_DELAY_MAX_S) : 0
      const next = delayS === 0 ? 0 : now() + delayS * MS_PER_S
      put(one, failures, last, next)
      return {
        one,
        takeBack() {
          const state = failuresOf(one)
          // Failures since then have set a wait of their own.
          const wait = state.next === next ? previous : state.next
          if (state.failures > 0) put(one, state.failures - 1, state.last, wait)
        },
      }
    })
  }

  async function admit(counted: readonly Counted[], known?: Buffer): Promise<Attempt> {
    for (;;) {
      let settle = () => {}
      const admission = await writes
        .run((): Admission => {
          const waitFor = heldUpBy(counted)
          if (waitFor !== undefined) return { waitFor }
          // In the same moment: the next try in this very transaction must know of it.
          if (known !== undefined) settle = pending.add(counted.map(({ key }) => key))
          return { undo: count(counted), settle }
        })
        .catch((error: unknown) => {
          settle()
          throw error
        })
      if ('undo' in admission) return attempt(admission.undo, admission.settle, known)
      if (waiting >= config.PASSWORD_HASHES_WAITING) {
        throw new Problem('overloaded', {
          detail: 'Too many tries to sign in to one account at once',
          headers: { 'retry-after': '1' },
        })
      }
      waiting++
      await pending.verdict(admission.waitFor)
      waiting--
    }
  }

  const attempt = (undo: readonly Undo[], settle: () => void, known?: Buffer): Attempt => ({
    failed: settle,
    succeeded: () =>
      writes
        .run(() => {
          for (const { one, takeBack } of undo) {
            if (one.resets) store.remove(one.key)
            else takeBack()
          }
          const expires = now() + config.LOGIN_KNOWN_DAYS * DAY_MS
          if (known !== undefined) store.put(known, { failures: 0, last: now(), next: 0, expires })
        })
        .finally(settle),
    undone: () => writes.run(() => undo.forEach(({ takeBack }) => takeBack())).finally(settle),
  })

  return {
    /**
     * A try to sign in by password; when this resolves, it is counted on disk.
     * @param email as emailOf gives it, whether there is such an account or not
     * @param ip address of the client
     * @throws Problem too-many-requests (429) with Retry-After
     */
    async password(email: string, ip: string): Promise<Attempt> {
      const network = networkOf(ip)
      const known = keyOf('known', email, network)
      const isKnown = (store.find(known)?.expires ?? 0) > now()
      const counted: Counted[] = [
        { key: keyOf('pair', email, network), tries: config.LOGIN_TRIES_PAIR, binds: true, resets: true },
        { key: keyOf('account', email), tries: config.LOGIN_TRIES_ACCOUNT, binds: !isKnown, resets: false },
        { key: keyOf('network', network), tries: config.LOGIN_TRIES_NETWORK, binds: !isKnown, resets: false },
      ]
      return admit(counted, known)
    },
    /** The same for a code of the second factor, which only who has the password can try. */
    code(account: Owner): Promise<Attempt> {
      const counted = [{ key: keyOf('code', account), tries: config.LOGIN_TRIES_CODE, binds: true, resets: true }]
      return admit(counted)
    },
    /** Deletes some counts that matter no more; inside a write. @returns whether there may be more */
    sweep: (): boolean => store.sweep(now()),
  }
}
