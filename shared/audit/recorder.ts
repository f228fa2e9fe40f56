import { randomUUID } from 'node:crypto'
import { Counter, type Registry } from 'prom-client'
import type { CommonConfig } from '../config.ts'
import type { Logger } from '../logger.ts'
import type { ProcessName } from '../ports.ts'
import { onAnswered, onUnread } from '../answered.ts'
import type { App } from '../server.ts'
import type { AuditEvent } from './event.ts'
import { auditedAs, ownRow, rowOf, unreadRow, type AuditRow } from './row.ts'
import { createSpool } from './spool.ts'

/** Puts rows where they belong, durably; a row that is there already is not added again. @throws when it cannot */
export type Deliver = (rows: readonly AuditRow[]) => Promise<void>

export interface RecorderOptions {
  service: ProcessName
  config: Pick<CommonConfig, 'DATA_DIR' | 'AUDIT_SHIP_MS' | 'AUDIT_SHIP_MAX' | 'AUDIT_SPOOL_MAX_BYTES'>
  deliver: Deliver
  registry: Registry
  logger: Logger
}

/** What a process records otherwise than others do. */
export interface RecordRules {
  judge?: typeof auditedAs
  admits?: (ip: string) => boolean
}

export type Recorder = ReturnType<typeof createRecorder>

const RETRY_FIRST_MS = 1000
const RETRY_MAX_MS = 5000
/** Rows that may wait in memory while others are on their way; beyond, they go to the spool. */
const WAITING_MAX = 5000
/** Longest wait for identity when the process ends; what is not there by then is spooled. */
const STOP_MS = 3000
const LOSS_REPORT_MS = 10_000

/**
 * Gathers audit rows in memory and delivers them in batches, off the way of requests. What cannot be delivered goes to the
 * spool on disk and is delivered from there, before anything newer, as soon as that is possible: now, or after the next start.
 * A row may be delivered twice, and is known by its id.
 */
export function createRecorder({ service, config, deliver, registry, logger }: RecorderOptions) {
  const spool = createSpool(config.DATA_DIR, service, config.AUDIT_SPOOL_MAX_BYTES)
  const instance = randomUUID()
  let count = 0
  let waiting: AuditRow[] = []
  /** Rows that are being delivered or written to the spool. */
  const onTheWay = new Set<readonly AuditRow[]>()
  let timer: NodeJS.Timeout | undefined
  let retryTimer: NodeJS.Timeout | undefined
  let retryMs = 0
  let shipping: Promise<void> = Promise.resolve()
  let lossReported = -LOSS_REPORT_MS
  let isStopped = false
  const dropped = new Counter({
    name: 'audit_rows_dropped_total',
    help: 'Audit rows that were lost because the spool was full',
    registers: [registry],
  })

  async function deliverAll(rows: readonly AuditRow[]): Promise<void> {
    for (let at = 0; at < rows.length; at += config.AUDIT_SHIP_MAX) {
      await deliver(rows.slice(at, at + config.AUDIT_SHIP_MAX))
    }
  }

  function lose(lost: number, error?: unknown): void {
    if (lost === 0) return
    dropped.inc(lost)
    if (performance.now() - lossReported < LOSS_REPORT_MS) return
    lossReported = performance.now()
    logger.error({ err: error, rows: lost }, 'audit rows are lost: the spool takes no more')
  }

  /** Onto the disk. */
  async function keep(rows: readonly AuditRow[]): Promise<void> {
    onTheWay.add(rows)
    try {
      lose(await spool.add(rows))
    } catch (error) {
      lose(rows.length, error)
    }
    onTheWay.delete(rows)
  }

  function failed(error: unknown): void {
    if (retryMs === 0) logger.warn({ err: error }, 'audit rows wait for identity')
    retryMs = Math.min(RETRY_MAX_MS, Math.max(RETRY_FIRST_MS, retryMs * 2))
    retryTimer ??= setTimeout(() => {
      retryTimer = undefined
      void flush()
    }, retryMs).unref()
  }

  async function ship(): Promise<void> {
    const rows = waiting
    waiting = []
    onTheWay.add(rows)
    // While identity is away, rows go to the disk without asking it each time.
    if (retryTimer !== undefined && !isStopped) await keep(rows)
    else {
      try {
        while (!spool.isEmpty()) {
          const older = await spool.read()
          await deliverAll(older.rows)
          await spool.drop(older.end)
        }
        await deliverAll(rows)
        if (retryMs > 0) logger.info('identity takes audit rows again')
        retryMs = 0
      } catch (error) {
        await keep(rows)
        failed(error)
      }
    }
    onTheWay.delete(rows)
  }

  /** Delivers what there is; done when it is delivered or spooled. */
  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    shipping = shipping.then(ship)
    return shipping
  }

  const flushIn = (ms: number) => void (timer ??= setTimeout(() => void flush(), ms).unref())

  /** What was left by the process before, and nobody else adds to it meanwhile. */
  if (!spool.isEmpty()) flushIn(RETRY_FIRST_MS)

  function add(row: AuditRow): void {
    waiting.push(row)
    if (isStopped) spoolNow()
    else if (waiting.length >= WAITING_MAX) void keep(waiting.splice(0)).then(flush)
    else if (waiting.length === config.AUDIT_SHIP_MAX) void flush()
    else if (timer === undefined) flushIn(config.AUDIT_SHIP_MS)
  }

  /** Everything that is nowhere but in memory, at once. */
  function spoolNow(): void {
    const rows = [...onTheWay, waiting].flat()
    onTheWay.clear()
    waiting = []
    try {
      if (rows.length > 0) lose(spool.addNow(rows))
    } catch (error) {
      lose(rows.length, error)
    }
  }

  /** Delivers or spools everything; later rows are spooled. */
  async function stop(): Promise<void> {
    isStopped = true
    clearTimeout(retryTimer)
    let timeout: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (timeout = setTimeout(resolve, STOP_MS)))
    await Promise.race([flush(), late])
    clearTimeout(timeout)
    spoolNow()
    process.off('exit', spoolNow)
  }

  const nextId = () => `${instance}-${(++count).toString(36)}`

  return {
    /** A row of the process itself, that no request asked for. */
    note(event: string, detail: NonNullable<AuditEvent['detail']>): void {
      add(ownRow(service, nextId(), event, detail))
    },
    /**
     * One row for every request that this process answers itself.
     * @param judge what came of one; undefined when it does not belong into the log, or another process records it
     * @param admits whether one more refusal of an address is a row
     */
    register(app: App, { judge = auditedAs, admits = () => true }: RecordRules = {}): void {
      app.decorateRequest('auditEvent', undefined)
      onAnswered(app, (request, reply) => {
        const result = judge(request, reply.raw.statusCode)
        if (result !== undefined && (result !== 'refused' || admits(request.ip)))
          add(rowOf(service, nextId(), request, reply, result))
      })
      onUnread(app, (unread) => {
        if (admits(unread.ip)) add(unreadRow(service, nextId(), unread))
      })
      // After the last answer, before anything is closed that delivery needs.
      app.addHook('onClose', () => stop())
      // After a fault that ends it, too.
      process.on('exit', spoolNow)
    },
    flush,
    stop,
  }
}
