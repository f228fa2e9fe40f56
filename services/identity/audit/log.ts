import { Counter, Gauge, type Registry } from 'prom-client'
import type { AuditRow } from '#shared/audit/row.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import type { Writes } from '#shared/writes.ts'
import type { IdentityConfig } from '../config.ts'
import {
  checkpointFile,
  contradiction,
  isPoint,
  keepContradicted,
  pointOf,
  readCheckpoint,
  writeCheckpoint,
} from './checkpoint.ts'
import { OtherEnd, type AuditStore, type Head } from './store.ts'

export interface AuditLogParts {
  store: AuditStore
  writes: Writes
  keyring: Keyring
  config: Pick<IdentityConfig, 'DATA_DIR' | 'AUDIT_CHECKPOINT_MS' | 'AUDIT_LOG_RETAIN_DAYS'>
  registry: Registry
  logger: Logger
  /** Told when the log turns out to be another one than this service wrote: at the start, or before rows are added. */
  onContradiction(fault: string): void
}

export type AuditLog = ReturnType<typeof createAuditLog>

interface Waiting {
  rows: readonly AuditRow[]
  resolve(): void
  reject(error: unknown): void
}

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** Rows that are added, or deleted for their age, in one transaction: about 15 ms. */
const BATCH = 500

/**
 * The audit log: adds rows, and says outside the table where it ends. The checkpoint is on disk before the rows that it speaks
 * of, so the table ends where the checkpoint says, or where it says that it ended before: anything else was done by others.
 */
export function createAuditLog(parts: AuditLogParts) {
  const { store, writes, keyring, config, registry, logger } = parts
  const file = checkpointFile(config.DATA_DIR)
  const rows = new Counter({
    name: 'identity_audit_rows_total',
    help: 'Audit rows that were added',
    registers: [registry],
  })
  const contradicted = new Gauge({
    name: 'identity_audit_contradicted',
    help: '1 when the log was found to be another one than the service wrote',
    registers: [registry],
  })
  let waiting: Waiting[] = []
  let timer: NodeJS.Timeout | undefined
  let last: Promise<unknown> = Promise.resolve()

  /** Nobody is kept from working by a log that was tampered with, but nobody overlooks it either. */
  function contradict(fault: string): void {
    contradicted.set(1)
    logger.error({ fault }, 'the audit log is not what it was; run: npm run audit -- verify')
    keepContradicted(config.DATA_DIR)
    parts.onContradiction(fault)
  }

  function compare(): void {
    const point = readCheckpoint(file, keyring)
    if (point === 'missing') {
      if (!store.isNew()) contradict('the checkpoint is missing')
      return
    }
    const fault = point === 'forged' ? 'the checkpoint is forged' : contradiction(point, store.head(), store.anchor())
    if (fault !== undefined) contradict(fault)
    else if (point !== 'forged' && !isPoint(point.end, store.head()))
      logger.warn({ rows: point.end.seq - store.head().seq }, 'audit rows were about to be written at the last stop')
  }
  compare()
  let head = store.head()
  let anchor = store.anchor()
  /** Whether the checkpoint in the file says less than is known now. */
  let isOpen = true

  /** One after the other, because each begins where the one before has ended. */
  function serially<T>(work: () => Promise<T>): Promise<T> {
    const done = last.then(work)
    last = done.catch(() => undefined)
    return done
  }

  const note = (end: Head, before?: Head): Promise<void> =>
    writeCheckpoint(file, keyring, {
      end: pointOf(end),
      ...(before === undefined ? {} : { before: pointOf(before) }),
      anchor: pointOf(anchor),
      time: Date.now(),
    })

  /** Says that what was announced is written. */
  async function settle(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    if (!isOpen) return
    await note(head)
    isOpen = false
  }

  const checkpoint = (): Promise<void> =>
    serially(settle).catch((error: unknown) => {
      logger.error({ err: error }, 'the checkpoint of the audit log could not be written')
    })
  // Also brings it under the primary key.
  void checkpoint()

  async function append(batch: readonly AuditRow[]): Promise<void> {
    const added = store.chained(head, batch)
    const end = added.at(-1)
    if (end === undefined) return
    isOpen = true
    await note(end, head)
    try {
      await writes.run(() => store.append(head, added))
    } catch (error) {
      if (error instanceof OtherEnd) {
        contradict(`another program has written to it: row ${error.found.seq} is not the last one, ${head.seq}`)
        head = store.head()
      }
      throw error
    }
    head = { seq: end.seq, hash: end.hash }
    rows.inc(added.length)
    timer ??= setTimeout(() => void checkpoint(), config.AUDIT_CHECKPOINT_MS).unref()
  }

  async function appendWaiting(): Promise<void> {
    const group: Waiting[] = []
    for (let size = 0, next = waiting[0]; next !== undefined; next = waiting[0]) {
      size += next.rows.length
      if (group.length > 0 && size > BATCH) break
      group.push(next)
      waiting = waiting.slice(1)
    }
    try {
      await append(group.flatMap((one) => one.rows))
      for (const { resolve } of group) resolve()
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  /**
   * Deletes rows past AUDIT_LOG_RETAIN_DAYS. The checkpoint says so before they go: a log that begins later than its
   * checkpoint allows was beheaded by somebody else.
   * @returns how many
   */
  async function retain(): Promise<number> {
    const end = store.lastBefore(Date.now() - config.AUDIT_LOG_RETAIN_DAYS * DAY_MS)
    if (end === undefined) return 0
    await serially(async () => {
      anchor = end
      isOpen = true
      await settle()
    })
    let deleted = 0
    for (let dropped = BATCH; dropped === BATCH; deleted += dropped)
      dropped = await writes.run(() => store.dropUpTo(end.seq, BATCH))
    return deleted
  }

  return {
    /** Adds rows, those that are there already not again; done when they are on disk. */
    add(batch: readonly AuditRow[]): Promise<void> {
      return new Promise((resolve, reject) => {
        waiting.push({ rows: batch, resolve, reject })
        void serially(appendWaiting)
      })
    },
    retain,
    /** Done when the checkpoint is that of the log. */
    checkpoint,
    /** Runs retention now and then. @param told gets the number of deleted rows */
    scheduleRetention(told: (deleted: number) => void): () => void {
      const run = () => {
        retain().then(
          (deleted) => deleted > 0 && told(deleted),
          (error: unknown) => logger.error({ err: error }, 'old audit rows were not deleted'),
        )
      }
      run()
      const sweeper = setInterval(run, HOUR_MS).unref()
      return () => clearInterval(sweeper)
    },
  }
}
