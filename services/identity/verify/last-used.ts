import type { Database } from '#shared/database.ts'
import type { Logger } from '#shared/logger.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { Writes } from '#shared/writes.ts'

export type LastUsed = ReturnType<typeof createLastUsed>

const FLUSH_MS = 60_000
const TABLES = { key: 'api_keys', 'app-password': 'app_passwords' } as const

/** When credentials were used last: noted in memory, written once a minute and at the end. */
export function createLastUsed(db: Database, { writes, logger }: { writes: Pick<Writes, 'run'>; logger: Logger }) {
  const kinds = Object.entries(TABLES).map(([kind, table]) => ({
    kind: kind as keyof typeof TABLES,
    update: db.prepare<[string, string]>(`UPDATE ${table} SET last_used_at = ? WHERE id = ?`),
    // Only credentials that exist get in, so there are never more than rows.
    used: new Map<string, string>(),
  }))

  async function flush(): Promise<void> {
    const batch = kinds.map((one) => ({ one, used: one.used }))
    if (batch.every(({ used }) => used.size === 0)) return
    for (const one of kinds) one.used = new Map()
    try {
      await writes.run(() => {
        for (const { one, used } of batch) for (const [id, at] of used) one.update.run(at, id)
      })
    } catch (error) {
      for (const { one, used } of batch) one.used = new Map([...used, ...one.used])
      logger.warn({ err: error }, 'the last uses of credentials could not be written; tried again in a minute')
    }
  }

  const timer = setInterval(() => void flush(), FLUSH_MS).unref()
  return {
    record(kind: keyof typeof TABLES, id: string): void {
      kinds.find((one) => one.kind === kind)?.used.set(id, timestamp())
    },
    async stop(): Promise<void> {
      clearInterval(timer)
      await flush()
    },
  }
}
