import { randomUUID } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { Counter, type Registry } from 'prom-client'
import type { CommonConfig } from '../config.ts'
import type { Logger } from '../logger.ts'
import type { ProcessName } from '../ports.ts'
import { onAnswered } from '../answered.ts'
import type { App } from '../server.ts'
import { isAudited, rowOf, type AuditRow } from './row.ts'
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

export type Recorder = ReturnType<typeof createRecorder>

const RETRY_MS = 1000

/**
 * Gathers audit rows in memory and delivers them in batches, off the way of requests. What cannot be delivered goes to the
 * spool on disk and is delivered from there, before anything newer, as soon as that is possible: now, or after the next start.
 */
export function createRecorder({ service, config, deliver, registry, logger }: RecorderOptions) {
  const spool = createSpool(config.DATA_DIR, service, config.AUDIT_SPOOL_MAX_BYTES)
  const instance = randomUUID()
  let count = 0
  let waiting: AuditRow[] = []
  let timer: NodeJS.Timeout | undefined
  let shipping: Promise<void> = Promise.resolve()
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

  function keep(rows: readonly AuditRow[], reason: unknown): void {
    let lost = rows.length
    try {
      lost = spool.add(rows)
    } catch (error) {
      logger.error({ err: error }, 'audit rows could not be spooled')
    }
    logger.warn({ err: reason, rows: rows.length, lost }, 'audit rows wait for identity')
    if (lost > 0) dropped.inc(lost)
  }

  async function ship(): Promise<void> {
    const rows = waiting
    waiting = []
    try {
      if (!spool.isEmpty()) {
        await deliverAll(spool.read())
        spool.clear()
      }
      await deliverAll(rows)
    } catch (error) {
      if (rows.length > 0) keep(rows, error)
      wait(RETRY_MS)
    }
  }

  /** Delivers what there is; done when it is delivered or spooled. */
  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    shipping = shipping.then(ship)
    return shipping
  }

  function wait(ms: number): void {
    timer ??= setTimeout(() => void flush(), ms).unref()
  }

  /** What was left by the process before, and nobody else adds to it meanwhile. */
  if (!spool.isEmpty()) wait(RETRY_MS)

  function add(row: AuditRow): void {
    waiting.push(row)
    if (waiting.length === config.AUDIT_SHIP_MAX) void flush()
    else wait(config.AUDIT_SHIP_MS)
  }

  const nextId = () => `${instance}-${(++count).toString(36)}`

  return {
    /** A row of the process itself, that no request asked for. */
    note(event: string, detail: Record<string, string | number | boolean | null>): void {
      add({
        id: nextId(),
        time: Date.now(),
        service,
        request_id: '',
        event,
        actor: `process:${service}`,
        credential: null,
        tenant: 'default',
        ip: '',
        user_agent: null,
        method: '',
        path: '',
        permission: null,
        status: 0,
        result: 'allowed',
        target: null,
        detail: JSON.stringify(detail),
      })
    },
    /**
     * One row for every request that this process answers itself.
     * @param isOwn whether it answered this one, and how it sees it otherwise
     */
    register(app: App, isOwn: (request: FastifyRequest, status: number) => boolean = isAudited): void {
      app.decorateRequest('auditEvent', undefined)
      onAnswered(app, (request, reply) => {
        if (isOwn(request, reply.raw.statusCode)) add(rowOf(service, nextId(), request, reply))
      })
      // After the last answer, before anything is closed that delivery needs.
      app.addHook('onClose', () => flush())
    },
    flush,
  }
}
