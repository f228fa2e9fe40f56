import { Counter, Gauge, type Registry } from 'prom-client'
import type { AuditRow } from '#shared/audit/row.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import type { Writes } from '#shared/writes.ts'
import type { IdentityConfig } from '../config.ts'
import { checkpointFile, keepContradicted, readCheckpoint, writeCheckpoint, type Checkpoint } from './checkpoint.ts'
import type { AuditStore, Head } from './store.ts'

export interface AuditLogParts {
  store: AuditStore
  writes: Writes
  keyring: Keyring
  config: Pick<IdentityConfig, 'DATA_DIR' | 'AUDIT_CHECKPOINT_MS' | 'AUDIT_LOG_RETAIN_DAYS'>
  registry: Registry
  logger: Logger
}

export type AuditLog = ReturnType<typeof createAuditLog>

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000
/** Rows that are deleted for their age in one transaction. */
const BATCH = 500

/** Why a checkpoint and the log do not belong together; undefined when they do. */
export function contradiction(
  point: Checkpoint,
  store: Pick<AuditStore, 'at' | 'head' | 'anchor'>,
): string | undefined {
  const head = store.head()
  if (head.seq < point.seq) return `rows ${head.seq + 1} to ${point.seq} are cut off`
  const row = point.seq === store.anchor().seq ? store.anchor() : store.at(point.seq)
  if (row === undefined) return point.seq < store.anchor().seq ? undefined : `row ${point.seq} is missing`
  return row.hash.toString('hex') === point.hash ? undefined : `row ${point.seq} is another one than it was`
}

/** The audit log: adds rows, and says outside the table where it ends, so that a cut-off end is noticed. */
export function createAuditLog({ store, writes, keyring, config, registry, logger }: AuditLogParts) {
  const file = checkpointFile(config.DATA_DIR)
  let written = -1
  let writtenAnchor = -1
  let timer: NodeJS.Timeout | undefined
  let writing: Promise<void> = Promise.resolve()

  const rows = new Counter({
    name: 'identity_audit_rows_total',
    help: 'Audit rows that were added',
    registers: [registry],
  })
  const contradicted = new Gauge({
    name: 'identity_audit_contradicted',
    help: '1 when the log was not the one of its checkpoint at the last start',
    registers: [registry],
  })

  /** Nobody is kept from working by a log that was tampered with, but nobody overlooks it either. */
  function compare(): string | undefined {
    const point = readCheckpoint(file, keyring)
    const isEmpty = store.head().seq === 0
    if (point === 'missing') return isEmpty ? undefined : 'the checkpoint is missing'
    return point === 'forged' ? 'the checkpoint is forged' : contradiction(point, store)
  }
  const fault = compare()
  contradicted.set(fault === undefined ? 0 : 1)
  if (fault !== undefined) {
    logger.error({ fault }, 'the audit log is not what it was; run: npm run audit -- verify')
    keepContradicted(config.DATA_DIR)
  }

  /** @param anchor what retention is about to delete, or has deleted */
  async function write(anchor: Head): Promise<void> {
    const head = store.head()
    if (head.seq === written && anchor.seq === writtenAnchor) return
    const hex = (hash: Buffer) => hash.toString('hex')
    await writeCheckpoint(file, keyring, {
      seq: head.seq,
      hash: hex(head.hash),
      anchor_seq: anchor.seq,
      anchor_hash: hex(anchor.hash),
      time: Date.now(),
    })
    written = head.seq
    writtenAnchor = anchor.seq
  }

  /** Writes the checkpoint. @throws when that fails */
  function writeNow(anchor?: Head): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    const done = writing.then(() => write(anchor ?? store.anchor()))
    writing = done.catch(() => undefined)
    return done
  }

  const checkpoint = (): Promise<void> =>
    writeNow().catch((error: unknown) => {
      logger.error({ err: error }, 'the checkpoint of the audit log could not be written')
    })

  async function add(batch: readonly AuditRow[]): Promise<void> {
    rows.inc(await writes.run(() => store.add(batch)))
    timer ??= setTimeout(() => void checkpoint(), config.AUDIT_CHECKPOINT_MS).unref()
  }

  /**
   * Deletes rows past AUDIT_LOG_RETAIN_DAYS. The checkpoint says so before they go: a log that begins later than its
   * checkpoint allows was beheaded by somebody else.
   * @returns how many
   */
  async function retain(): Promise<number> {
    const end = store.lastBefore(Date.now() - config.AUDIT_LOG_RETAIN_DAYS * DAY_MS)
    if (end === undefined) return 0
    await writeNow(end)
    let deleted = 0
    for (let last = BATCH; last === BATCH; deleted += last)
      last = await writes.run(() => store.dropUpTo(end.seq, BATCH))
    return deleted
  }

  return {
    /** What was wrong with the log at the start. */
    fault,
    add,
    retain,
    checkpoint,
    /** Runs retention now and then. @param note gets the number of deleted rows */
    scheduleRetention(note: (deleted: number) => void): () => void {
      const run = () => {
        retain().then(
          (deleted) => deleted > 0 && note(deleted),
          (error: unknown) => logger.error({ err: error }, 'old audit rows were not deleted'),
        )
      }
      run()
      const sweeper = setInterval(run, HOUR_MS).unref()
      return () => clearInterval(sweeper)
    },
  }
}
