import { hash } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import { networkOf } from '#shared/network.ts'
import { Problem } from '#shared/problem.ts'
import type { MailConfig } from '../mail/settings.ts'
import type { AccountsConfig } from './settings.ts'

export type StrangerLimits = ReturnType<typeof createStrangerLimits>

type LimitsConfig = Pick<MailConfig, 'MAIL_PER_ADDRESS_HOUR' | 'MAIL_PER_NETWORK_HOUR'> &
  Pick<AccountsConfig, 'SIGNUPS_PER_NETWORK_HOUR'>

const HOUR_MS = 3_600_000
const SWEEP_BATCH = 500

/**
 * What is remembered under an address that somebody gave who is not signed in: counts, Idempotency-Keys. It is a hash, for
 * addresses of people who have no account here are not kept.
 */
export const byAddress = (to: string): string => `address ${hash('sha256', to, 'base64url')}`

const tooMany = (what: string) =>
  new Problem('too-many-requests', {
    detail: `Too many ${what} from this network; come back in an hour`,
    headers: { 'retry-after': '3600' },
  })

/**
 * All SQL about what people have asked for who did not sign in. It counts in the database, so that a restart forgets nothing,
 * and the same for known and unknown addresses. Everything runs inside a write; a refusal takes its own count back.
 */
export function createStrangerLimits(db: Database, config: LimitsConfig) {
  const count = db
    .prepare<[object], number>(
      `INSERT INTO stranger_counts VALUES (@key, 1, @now + ${HOUR_MS}) ON CONFLICT (key) DO UPDATE SET
         count = CASE WHEN expires > @now THEN count + 1 ELSE 1 END,
         expires = CASE WHEN expires > @now THEN expires ELSE excluded.expires END
       RETURNING count`,
    )
    .pluck()
  const removeOld = db.prepare(
    'DELETE FROM stranger_counts WHERE key IN (SELECT key FROM stranger_counts WHERE expires <= ? LIMIT ?)',
  )
  const counted = (key: string): number => count.get({ key, now: Date.now() }) as number
  return {
    /** @throws Problem too-many-requests (429) when the network has asked for too many accounts */
    takeSignup(ip: string): void {
      if (counted(`signup ${networkOf(ip)}`) > config.SIGNUPS_PER_NETWORK_HOUR) throw tooMany('accounts were asked for')
    },
    /**
     * @returns false when the address has had enough mails: none is sent then, and nobody is told
     * @throws Problem too-many-requests (429) when the network has asked for too many
     */
    takeMail(to: string, ip: string): boolean {
      if (counted(`mail ${networkOf(ip)}`) > config.MAIL_PER_NETWORK_HOUR) throw tooMany('mails were asked for')
      return counted(byAddress(to)) <= config.MAIL_PER_ADDRESS_HOUR
    },
    /** Deletes some counts that are over. @returns whether there may be more */
    sweep: (): boolean => removeOld.run(Date.now(), SWEEP_BATCH).changes === SWEEP_BATCH,
  }
}
