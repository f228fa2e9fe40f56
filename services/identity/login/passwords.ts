import { hash, parseOptions, verify, type Algorithm } from '@node-rs/argon2'
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { Counter, Histogram, type Registry } from 'prom-client'
import { Problem } from '#shared/problem.ts'
import type { IdentityConfig } from '../config.ts'

export type Passwords = ReturnType<typeof createPasswords>

/** argon2id with 19 MiB, two passes, one lane: OWASP Password Storage Cheat Sheet; RFC 9106 for what they mean. */
const ARGON2ID = 2 satisfies Algorithm.Argon2id as Algorithm.Argon2id
const PARAMETERS = { algorithm: ARGON2ID, memoryCost: 19_456, timeCost: 2, parallelism: 1, outputLen: 32 }
const SALT_BYTES = 16

/** Threads that libuv has unless UV_THREADPOOL_SIZE says otherwise; files and host names need one of them. */
const UV_THREADS = 4

const base64 = (bytes: number): string => randomBytes(bytes).toString('base64').replaceAll('=', '')

/** One text however an input method composed it: a Korean password is the same on a phone (NFD) and a desktop (NFC). */
const canonical = (password: string): string => password.normalize('NFC')

/**
 * Hashes and compares passwords in the threads of libuv, a few at a time: each takes 19 MiB and a whole core for some 20 ms.
 */
export function createPasswords(
  config: Pick<IdentityConfig, 'PASSWORD_HASHES_AT_ONCE' | 'PASSWORD_HASHES_WAITING'>,
  registry: Registry,
) {
  const seconds = new Histogram({
    name: 'identity_password_hash_seconds',
    help: 'Time of one argon2id computation, without the wait for its turn',
    buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1],
    registers: [registry],
  })
  const refused = new Counter({
    name: 'identity_password_hashes_refused_total',
    help: 'Password checks that were refused because too many were waiting',
    registers: [registry],
  })
  // What an account without a password is compared with: nobody knows a text that has this hash, not even we.
  const { memoryCost, timeCost, parallelism, outputLen } = PARAMETERS
  const nobodys = `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${base64(SALT_BYTES)}$${base64(outputLen)}`
  const atOnce = config.PASSWORD_HASHES_AT_ONCE ?? Math.min(availableParallelism(), UV_THREADS - 1)
  const waiting: (() => void)[] = []
  let running = 0

  async function inTurn<T>(compute: () => Promise<T>): Promise<T> {
    if (running < atOnce) running++
    else {
      if (waiting.length >= config.PASSWORD_HASHES_WAITING) {
        refused.inc()
        throw new Problem('overloaded', {
          detail: 'Too many people are signing in at this moment',
          headers: { 'retry-after': '1' },
        })
      }
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    const stop = seconds.startTimer()
    try {
      return await compute()
    } finally {
      stop()
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }

  return {
    /** The PHC string of a new password. @throws Problem overloaded (503) */
    hash: (password: string): Promise<string> => inTurn(() => hash(canonical(password), PARAMETERS)),
    /**
     * Whether this is the password of that hash; null, for an account that is not there or has none, takes as long.
     * @throws Problem overloaded (503)
     */
    verify: (stored: string | null, password: string): Promise<boolean> =>
      inTurn(() => verify(stored ?? nobodys, canonical(password))),
    /** Whether a hash was made with the present parameters; if not, the next login makes it anew. */
    isCurrent(stored: string): boolean {
      const found = parseOptions(stored)
      return (
        found.algorithm === PARAMETERS.algorithm &&
        found.memoryCost === memoryCost &&
        found.timeCost === timeCost &&
        found.parallelism === parallelism &&
        found.outputLen === outputLen
      )
    },
  }
}
