import { hash } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import { networkOf } from '#shared/network.ts'
import { Problem } from '#shared/problem.ts'
import type { MailConfig } from './settings.ts'

export type MailLimits = ReturnType<typeof createMailLimits>

const HOUR_MS = 3_600_000
const SWEEP_BATCH = 500

/** All SQL about how many mails strangers have asked for. The same for known and unknown addresses. */
export function createMailLimits(db: Database, config: MailConfig) {
  const count = db
    .prepare<[object], number>(
      `INSERT INTO mail_counts VALUES (@key, 1, @now + ${HOUR_MS}) ON CONFLICT (key) DO UPDATE SET
         count = CASE WHEN expires > @now THEN count + 1 ELSE 1 END,
         expires = CASE WHEN expires > @now THEN expires ELSE excluded.expires END
       RETURNING count`,
    )
    .pluck()
  const removeOld = db.prepare(
    'DELETE FROM mail_counts WHERE key IN (SELECT key FROM mail_counts WHERE expires <= ? LIMIT ?)',
  )
  const counted = (key: string): number => count.get({ key, now: Date.now() }) as number
  return {
    /**
     * Counts a mail that somebody asks for without having signed in; inside a write.
     * @returns false when the address has had enough of them: none is sent then, and nobody is told
     * @throws Problem too-many-requests (429) when the network has asked for too many
     */
    take(to: string, ip: string): boolean {
      if (counted(`network:${networkOf(ip)}`) > config.MAIL_PER_NETWORK_HOUR) {
        throw new Problem('too-many-requests', {
          detail: 'Too many mails were asked for from this network',
          headers: { 'retry-after': '3600' },
        })
      }
      // A hash: addresses of people who have no account here are not kept.
      return counted(`address:${hash('sha256', to, 'base64url')}`) <= config.MAIL_PER_ADDRESS_HOUR
    },
    /** Deletes some counts that are over; inside a write. @returns whether there may be more */
    sweep: (): boolean => removeOld.run(Date.now(), SWEEP_BATCH).changes === SWEEP_BATCH,
  }
}
