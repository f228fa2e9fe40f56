import type { Health } from '#shared/health.ts'
import type { App } from '#shared/server.ts'
import Joi from 'joi'
import type { CollectorMetrics } from './metrics.ts'

const healthSchema = Joi.object({
  status: Joi.string().valid('ok', 'degraded').required(),
  service: Joi.string().valid('collector').required(),
  database: Joi.string().valid('connected', 'disconnected').required(),
})

/** Liveness in the contract's shape and the collector's own metrics; readiness is /health/ready. */
export const probeRoutes = (health: Health, metrics: CollectorMetrics) => async (app: App) => {
  const config = { public: true, etag: false }
  app.get(
    '/health',
    { config, schema: { tags: ['probes'], summary: 'Liveness', response: { 200: healthSchema } } },
    () => {
      // 200 even without a database: a restart would not mend it, and readiness takes the process out of use.
      const usable = health.isDatabaseUsable()
      return {
        status: usable ? 'ok' : 'degraded',
        service: 'collector',
        database: usable ? 'connected' : 'disconnected',
      }
    },
  )
  app.get(
    '/metrics',
    { config, schema: { tags: ['probes'], summary: 'Prometheus metrics' } },
    async (_request, reply) => reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  )
}
