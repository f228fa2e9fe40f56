import { randomUUID } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import type { IdentityConfig } from '../config.ts'

export interface Revocation {
  /** `session:<id>`, `account:<id>`, `token:<jti or hash>`, `key:<id>`, `app-password:<id>`, `grant:<id>`, `client:<id>`. */
  subject: string
  /** Milliseconds since 1970: what was issued before is void. */
  revoked: number
  /** Milliseconds since 1970: nothing that this concerns is alive any more then. */
  expires: number
}

export interface Revoked {
  /** Another one means another database or another run: what was known of `seq` says nothing any more. */
  epoch: string
  /** Number of the last revocation there ever was. */
  seq: number
  revocations: Revocation[]
}

export type Revocations = ReturnType<typeof createRevocations>

const SWEEP_BATCH = 500
const CLOCKS_DIFFER_S = 60

/** What gateways must forget. Rows live as long as anything that they concern can: a token, or what a gateway remembers. */
export function createRevocations(
  db: Database,
  config: Pick<IdentityConfig, 'REVOCATION_KEEP_S' | 'ACCESS_TOKEN_TTL_S'>,
  now: () => number = Date.now,
) {
  const keepMs = 1000 * Math.max(config.REVOCATION_KEEP_S, config.ACCESS_TOKEN_TTL_S + CLOCKS_DIFFER_S)
  const insert = db.prepare('INSERT INTO revocations (subject, revoked, expires) VALUES (?, ?, ?)')
  const last = db.prepare<[], number>("SELECT seq FROM sqlite_sequence WHERE name = 'revocations'").pluck()
  const since = db.prepare<[number, number], Revocation>(
    'SELECT subject, revoked, expires FROM revocations WHERE seq > ? AND expires > ? ORDER BY seq',
  )
  const forget = db.prepare(
    'DELETE FROM revocations WHERE seq IN (SELECT seq FROM revocations WHERE expires <= ? LIMIT ?)',
  )
  const epoch = randomUUID()
  const seq = () => last.get() ?? 0

  return {
    epoch,
    seq,
    /** Ends what `subject` names, everywhere, as soon as the transaction is on disk; inside a write. */
    revoke(subject: string): void {
      const at = now()
      insert.run(subject, at, at + keepMs)
    },
    /** Everything alive that came after number `after`. */
    since: (after: number): Revoked => ({ epoch, seq: seq(), revocations: since.all(after, now()) }),
    /** Deletes some that have expired; inside a write. @returns whether there may be more */
    sweep: (): boolean => forget.run(now(), SWEEP_BATCH).changes === SWEEP_BATCH,
  }
}
