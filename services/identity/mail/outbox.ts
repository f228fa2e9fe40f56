import { randomUUIDv7 } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import type { Aad } from '#shared/envelope.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { MailRequest } from './request.ts'

export interface OutboxRow {
  id: string
  content_sealed: Buffer
  tries: number
  created: number
}

export type Outbox = ReturnType<typeof createOutbox>

export const sealedContent = (id: string): Aad => ({
  table: 'mail_outbox',
  column: 'content_sealed',
  row: id,
  owner: 'mail',
})

/** All SQL about mails that are still to be sent: to whom they go is sealed, links are not in them yet. */
export function createOutbox(db: Database, keyring: Keyring) {
  const insert = db.prepare('INSERT INTO mail_outbox VALUES (@id, @sealed, 0, @next, @now)')
  const due = db.prepare<[number, number], OutboxRow>(
    'SELECT id, content_sealed, tries, created FROM mail_outbox WHERE next <= ? ORDER BY next LIMIT ?',
  )
  const next = db.prepare<[], number | null>('SELECT min(next) FROM mail_outbox').pluck()
  const count = db.prepare<[], number>('SELECT count(*) FROM mail_outbox').pluck()
  const remove = db.prepare('DELETE FROM mail_outbox WHERE id = ?')
  const later = db.prepare('UPDATE mail_outbox SET tries = tries + 1, next = ? WHERE id = ?')
  return {
    /** Inside a write. @param delay before it is sent, in milliseconds */
    add(request: MailRequest, delay: number): void {
      const id = randomUUIDv7()
      const sealed = keyring.seal(JSON.stringify(request), sealedContent(id))
      insert.run({ id, sealed, next: Date.now() + delay, now: Date.now() })
    },
    /** @throws SealRefused, ConfigError */
    open: ({ id, content_sealed: sealed }: OutboxRow): MailRequest =>
      JSON.parse(keyring.open(sealed, sealedContent(id)).toString()) as MailRequest,
    /** @param now milliseconds since 1970 */
    due: (now: number, limit: number): OutboxRow[] => due.all(now, limit),
    /** When the next one is to be sent, in milliseconds since 1970. */
    nextDue: (): number | undefined => next.get() ?? undefined,
    count: (): number => count.get() as number,
    /** Inside a write. */
    remove: (id: string): void => void remove.run(id),
    /** Counts a try and says when the next one is; inside a write. */
    later: (id: string, time: number): void => void later.run(time, id),
  }
}
