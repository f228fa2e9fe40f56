import { actorOf } from '#shared/audit/row.ts'
import { onAnswered } from '#shared/answered.ts'
import type { Logger } from '#shared/logger.ts'
import { Problem, type ProblemName } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Tenant } from '#shared/scope.ts'
import type { CollectorConfig } from '../config.ts'
import type { CollectorMetrics } from '../probes/metrics.ts'
import type { SecurityEvent } from '../tenants/guard.ts'
import type { Tenants } from '../tenants/tenants.ts'
import type { Writer } from '../writer/queue.ts'
import type { AuditFilter } from './schema.ts'
import type { Stores } from '../engine/engine.ts'
import type { AuditEntry } from './store.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The tenant in whose audit log this request appears, '' for nobody's. */
    auditTenant: string
    /** What was wrong with its credentials, '' for nothing. */
    securityEvent: SecurityEvent | ''
  }
}

interface AuditParts {
  /** Reads. */
  store: Stores['audit']
  writer: Pick<Writer, 'run'>
  config: CollectorConfig
  metrics: CollectorMetrics
  logger: Logger
}

export type AuditLog = ReturnType<typeof createAuditLog>

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** Entries that are written, or deleted for their age, in one transaction. */
const BATCH = 1000
/** Between attempts to write what the database does not take at the moment. */
const RETRY_MS = 1000
/** Refusals that pass; whatever else comes is about the entries themselves. */
const PASSING: ReadonlySet<ProblemName> = new Set(['unavailable', 'overloaded', 'storage-full'])
const PATH_MAX_LENGTH = 512
const USER_AGENT_MAX_LENGTH = 256

const isPassing = (error: unknown): boolean => error instanceof Problem && PASSING.has(error.problem)

/**
 * Who asked for what: gathered in memory and written in batches, so that no request waits for its entry. What the database does not
 * take at the moment stays here, in its order, and is written when it does. A batch whose outcome is unknown, because the
 * database was lost while it committed, is written once more: if it was there already its entries are there twice. That takes a loss
 * within that round trip; a key for each row, checked at every write, would cost more than it is worth, and a gap would be worse.
 */
export function createAuditLog({ store, writer, config, metrics, logger }: AuditParts) {
  /** AuditEntry as JSON, with those that are being written, which come first. */
  const waiting: string[] = []
  let flushing: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let [isHeld, isStopping] = [false, false]

  function drop(count: number, error: unknown): void {
    waiting.splice(0, count)
    metrics.auditDropped.inc(count)
    logger.error({ err: error, entries: count }, 'audit entries were lost')
  }

  /** Writes the first so many; when they are at fault, half and half, so that only those are lost that nothing can store. */
  async function writeFirst(count: number): Promise<void> {
    try {
      await writer.run('addAuditEntries', `[${waiting.slice(0, count).join()}]`)
      waiting.splice(0, count)
    } catch (error) {
      if (isPassing(error)) throw error
      if (count === 1) return drop(1, error)
      const half = Math.ceil(count / 2)
      await writeFirst(half)
      await writeFirst(count - half)
    }
  }

  async function write(): Promise<void> {
    try {
      while (waiting.length > 0) await writeFirst(Math.min(waiting.length, BATCH))
      if (isHeld) logger.info({}, 'audit entries are written again')
      isHeld = false
    } catch (error) {
      if (isStopping) return drop(waiting.length, error)
      if (!isHeld) logger.warn({ err: error, entries: waiting.length }, 'audit entries wait for the database')
      isHeld = true
      timer ??= setTimeout(() => void flush(), RETRY_MS).unref()
    }
  }

  /** Writes what waits; done when everything that was added before is on disk, or the database takes nothing. */
  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    flushing = flushing.then(write)
    return flushing
  }

  /** Deletes entries past AUDIT_RETAIN_DAYS, a batch a transaction. */
  async function sweep(): Promise<void> {
    const cutoff = Date.now() - config.AUDIT_RETAIN_DAYS * DAY_MS
    let deleted = BATCH
    while (deleted === BATCH) deleted = await writer.run('removeAuditBefore', cutoff, BATCH)
  }
  const sweepQuietly = () =>
    void sweep().catch((error: unknown) => logger.error({ err: error }, 'old audit entries were not deleted'))
  sweepQuietly()
  const sweeper = setInterval(sweepQuietly, HOUR_MS).unref()

  return {
    add(entry: AuditEntry): void {
      if (waiting.length >= config.AUDIT_QUEUE_MAX) return metrics.auditDropped.inc()
      // As text: a thousand objects that wait are work for the garbage collector.
      waiting.push(JSON.stringify(entry))
      if (waiting.length === BATCH && !isHeld) void flush()
      else timer ??= setTimeout(() => void flush(), config.AUDIT_FLUSH_MS).unref()
    },
    flush,
    sweep,
    /** See the store; what still waits is written first, so that the log is never stale. */
    async list(tenantId: Tenant, filter: AuditFilter, limit: number, after?: readonly [number, number]) {
      await flush()
      return store.list(tenantId, filter, limit, after)
    },
    /** Writes what waits, if the database takes it now; a stop waits for no database. */
    async stop(): Promise<void> {
      clearInterval(sweeper)
      isStopping = true
      await flush()
      clearTimeout(timer)
    },
  }
}

/** One entry for each request of a tenant. A refused one is in the log of the tenant that it named, if there is such a tenant. */
export function recordRequests(app: App, audit: AuditLog, tenants: Tenants): void {
  app.decorateRequest('auditTenant', '')
  app.decorateRequest('securityEvent', '')
  onAnswered(app, (request, reply) => {
    const { auditTenant, securityEvent, caller } = request as Partial<typeof request>
    // A path that cannot be decoded is refused before anybody asks whose it is.
    if (auditTenant === undefined || securityEvent === undefined || caller === undefined) return
    const named = request.headers['x-tenant']
    const isNamed = auditTenant === '' && securityEvent !== '' && typeof named === 'string' && tenants.exists(named)
    const tenantId = isNamed ? named : auditTenant
    if (tenantId !== '') {
      const userAgent = request.headers['user-agent']?.slice(0, USER_AGENT_MAX_LENGTH)
      audit.add({
        timestamp: Date.now(),
        method: request.method,
        path: (request.url.split('?', 1)[0] as string).slice(0, PATH_MAX_LENGTH),
        tenantId,
        ip: caller.ip,
        ...(userAgent === undefined ? {} : { userAgent }),
        statusCode: reply.raw.statusCode,
        responseTime: Math.round(reply.elapsedTime * 100) / 100,
        ...(securityEvent === '' ? {} : { securityEvent }),
        // A tenant learns of nobody in another one, who tried its name or follows its link.
        ...(caller.credential === undefined || caller.tenant !== tenantId ? {} : { actor: actorOf(caller) }),
      })
    }
  })
}
