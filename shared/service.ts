import type { FastifyRequest } from 'fastify'
import { deliverToIdentity } from './audit/deliver.ts'
import { createRecorder, type Deliver, type Recorder, type RecordRules } from './audit/recorder.ts'
import { createAnswerCache } from './answer-cache.ts'
import { identifyCaller } from './caller.ts'
import type { CommonConfig } from './config.ts'
import type { Database } from './database.ts'
import type { Health } from './health.ts'
import { createInternalClient } from './internal.ts'
import type { Keyring } from './keyring.ts'
import type { Logger } from './logger.ts'
import { serveOpenApi } from './openapi.ts'
import { authorize } from './permissions.ts'
import { HEALTH_NAMES, type ProcessName, type ServiceName } from './ports.ts'
import { classifyRoutes } from './route-classes.ts'
import { createServer, type App, type ServerOptions } from './server.ts'
import { EXIT, type Deps } from './start.ts'
import { timestamp } from './timestamp.ts'
import { createWrites } from './writes.ts'

export interface ServiceInfo {
  name: ServiceName
  /** Title and description of its OpenAPI document. */
  title: string
  description: string
}

export interface ServiceGuards {
  /** Finds out who is asking where the gateway could not (the collector's keys), and puts it into `request.caller`. */
  authenticate?: (request: FastifyRequest) => void
  /** Of services that answer with secrets or store them. */
  keyring?: Keyring
  /** Where audit rows go; to identity without it. */
  deliver?: Deliver
  /** Keeps answers. */
  answerCache?: ServerOptions['answerCache']
  /** What it records otherwise than others do. */
  rules?: RecordRules
}

/**
 * A server that believes only the gateway and lets nobody use a route but those whom the permission table names; who writes,
 * and where, is the service's own matter.
 */
export function createGuardedServer(
  { name, title, description }: ServiceInfo,
  config: CommonConfig,
  deps: Deps,
  { authenticate, deliver, answerCache, rules }: Omit<ServiceGuards, 'keyring'> = {},
) {
  const trust = { service: name, access: config.ACCESS, secret: config.INTERNAL_SECRET }
  const app = createServer({
    config,
    ...deps,
    ...(answerCache === undefined ? {} : { answerCache }),
    identify: (request) => {
      request.caller = identifyCaller(request, trust)
      const { is404 } = request
      if (is404) return
      authenticate?.(request)
      authorize(request.caller, request.routeOptions.config.permission)
    },
  })
  const recorder = recordAudit(name, app, config, deps, deliver, rules)
  classifyRoutes(app, name)
  serveOpenApi(app, title, description)
  return { app, recorder }
}

/** What follows a failed fsync: the page cache is not to be trusted any more, so the process ends. */
export const endAfterDiskFailure = (logger: Logger, error: Error): never => {
  logger.fatal({ err: error }, 'the disk failed; what it holds is read anew at the next start')
  process.exit(EXIT.diskFailure)
}

/** What most services begin with: a guarded server, their database, and durable writes on it. */
export function createService(
  info: ServiceInfo,
  config: CommonConfig,
  deps: Deps,
  guards: Omit<ServiceGuards, 'answerCache'> = {},
) {
  const { keyring } = guards
  const answerCache = createAnswerCache(config.ANSWER_CACHE_MAX_BYTES)
  const { app, recorder } = createGuardedServer(info, config, deps, { ...guards, answerCache })
  const db = deps.database as Database
  const writes = createWrites(db, config, {
    health: deps.health,
    ...(keyring === undefined ? {} : { keyring }),
    onWrite: answerCache.changed,
    onDiskFailure: (error) => endAfterDiskFailure(deps.logger, error),
  })
  return { db, writes, app, recorder }
}

/** Records what the process answers. One that runs alone, without a secret, has nobody who would take its rows. */
export function recordAudit(
  service: ProcessName,
  app: App,
  config: CommonConfig,
  { metrics, logger }: Deps,
  deliver?: Deliver,
  rules?: RecordRules,
): Recorder | undefined {
  const internal = createInternalClient(service, config)
  if (deliver === undefined && !internal.available) return undefined
  const recorder = createRecorder({
    service,
    config,
    deliver: deliver ?? deliverToIdentity(internal, logger),
    registry: metrics.registry,
    logger,
  })
  recorder.register(app, rules)
  return recorder
}

/** `GET /health` of calendar and diary in the shape that the existing monitor and smoke test read. */
export function serveServiceHealth(app: App, name: ServiceName, health: Health): void {
  void app.register(async (routes: App) => {
    routes.get(
      '/health',
      { config: { public: true, etag: false }, schema: { tags: ['health'], summary: `Whether the ${name} works` } },
      (_request, reply) => {
        const usable = health.isDatabaseUsable()
        return reply.code(usable ? 200 : 503).send({
          status: usable ? 'healthy' : 'unhealthy',
          service: HEALTH_NAMES[name],
          timestamp: timestamp(),
          database: usable ? 'connected' : 'disconnected',
          uptime: process.uptime(),
        })
      },
    )
  })
}
