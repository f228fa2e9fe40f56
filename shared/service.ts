import { createAnswerCache } from './answer-cache.ts'
import { identifyCaller } from './caller.ts'
import type { CommonConfig } from './config.ts'
import type { Database } from './database.ts'
import type { Health } from './health.ts'
import { serveOpenApi } from './openapi.ts'
import { HEALTH_NAMES, type ProcessName } from './ports.ts'
import { createServer, type App } from './server.ts'
import { EXIT, type Deps } from './start.ts'
import { timestamp } from './timestamp.ts'
import { createWrites } from './writes.ts'

export interface ServiceInfo {
  name: ProcessName
  /** Title and description of its OpenAPI document. */
  title: string
  description: string
}

/** What every service begins with: its database, durable writes on it, and a server that believes only the gateway. */
export function createService({ name, title, description }: ServiceInfo, config: CommonConfig, deps: Deps) {
  const db = deps.database as Database
  const answerCache = createAnswerCache(config.ANSWER_CACHE_MAX_BYTES)
  const writes = createWrites(db, config, {
    health: deps.health,
    onWrite: answerCache.changed,
    onDiskFailure: (error) => {
      deps.logger.fatal({ err: error }, 'the disk failed; what it holds is read anew at the next start')
      process.exit(EXIT.diskFailure)
    },
  })
  const app = createServer({
    config,
    ...deps,
    answerCache,
    identify: (request) =>
      identifyCaller(request, { service: name, access: config.ACCESS, secret: config.INTERNAL_SECRET }),
  })
  serveOpenApi(app, title, description)
  return { db, writes, app }
}

/** `GET /health` of calendar and diary in the shape that the existing monitor and smoke test read. */
export function serveServiceHealth(app: App, name: ProcessName, health: Health): void {
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
