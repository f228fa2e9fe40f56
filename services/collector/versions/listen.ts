import type { Logger } from '#shared/logger.ts'
import type { Tenant } from '#shared/scope.ts'
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { connectionOf, type Pool } from '../postgres/pool.ts'
import { sql } from '../postgres/sql.ts'
import type { SharedVersions } from './postgres.ts'

const CHANNEL = 'najimban_collector'
const RECONNECT_MS = 1000
/** Longest time in which a change by another replica is not noticed when its notification was lost. */
const CHECK_MS = 5000
const SELF_BYTES = 6

interface ListenParts {
  /** Of the database itself: a pooler gives no notifications. */
  url: string
  timeoutMs: number
  pool: Pool
  versions: SharedVersions
  logger: Pick<Logger, 'warn' | 'info'>
}

/**
 * Tells replicas of each other's changes. A notification goes out after the commit: inside, every commit of the server that notifies
 * would wait for the one before it to be on disk. One that is lost is found by looking at the versions now and then.
 */
export function startListening({ url, timeoutMs, pool, versions, logger }: ListenParts) {
  const self = randomBytes(SELF_BYTES).toString('hex')
  /** Versions that whoever listens here was told of. */
  let told: Map<Tenant, string> | undefined
  let client: pg.Client | undefined
  let [stopped, wasLost] = [false, false]
  let timer: NodeJS.Timeout | undefined

  function heard(payload: string): void {
    const [from, tenant] = [payload.slice(0, self.length), payload.slice(self.length + 1) as Tenant]
    if (from !== self) versions.changed(tenant)
  }

  /** Tells of what changed without a notification. The first time there is nothing to compare with. */
  async function check(): Promise<void> {
    if (!versions.isHeard()) return void (told = undefined)
    const found = await versions.readAll()
    const before = told
    told = found
    if (before === undefined) return
    for (const [tenant, version] of found) if (before.get(tenant) !== version) versions.changed(tenant)
  }
  const checkQuietly = () => void check().catch(() => undefined)

  async function connect(): Promise<void> {
    const fresh = new pg.Client(connectionOf(url, timeoutMs))
    fresh.on('error', () => undefined)
    fresh.on('end', () => {
      if (client === fresh) lost('the connection ended')
    })
    fresh.on('notification', ({ payload = '' }) => heard(payload))
    try {
      await fresh.connect()
      await fresh.query(`LISTEN ${CHANNEL}`)
      client = fresh
      if (wasLost) logger.info({}, 'changes by other replicas are heard of again')
      if (wasLost) checkQuietly()
      wasLost = false
    } catch (error) {
      await fresh.end().catch(() => undefined)
      lost((error as Error).message)
    }
  }

  function lost(reason: string): void {
    client = undefined
    if (stopped) return
    if (!wasLost) logger.warn({ reason }, 'changes by other replicas are noticed later')
    wasLost = true
    timer = setTimeout(() => void connect(), RECONNECT_MS).unref()
  }

  const checker = setInterval(checkQuietly, CHECK_MS).unref()
  const ready = connect()
  let sending: Promise<unknown> = Promise.resolve()

  return {
    ready,
    /** To be called after a commit. */
    changed(tenants: readonly Tenant[]): void {
      if (tenants.length === 0) return
      tenants.forEach(versions.changed)
      const payloads = tenants.map((tenant) => `${self} ${tenant}`)
      const notify = sql`SELECT pg_notify(${CHANNEL}, payload) FROM unnest(${payloads}::text[]) AS payload`
      sending = pool.everyTenant.run(notify).catch(() => undefined)
    },
    async stop(): Promise<void> {
      stopped = true
      clearTimeout(timer)
      clearInterval(checker)
      await sending
      await ready
      await client?.end().catch(() => undefined)
    },
  }
}
