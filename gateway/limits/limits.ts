import rateLimit, { type CreateRateLimitOptions } from '@fastify/rate-limit'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Redis } from 'ioredis'
import type { createApiKeys } from '#shared/api-keys.ts'
import type { Logger } from '#shared/logger.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { GatewayConfig } from '../config.ts'
import { LIMIT_CLASSES, limitClassOf, type LimitClassName } from './classes.ts'
import { clientKey, createMonitorCheck, networkKey } from './client-key.ts'

declare module 'fastify' {
  interface FastifyRequest {
    limitKey: string
  }
}

export type RateLimits = Awaited<ReturnType<typeof createLimits>>

const MS_PER_S = 1000
const REDIS_REPORT_MS = 60_000
const REDIS_COMMAND_MS = 250
const REDIS_SILENCE_MS = 1000

/** A Redis that fails at once when it is away: the limiter then lets requests pass, and this is reported. */
async function connectRedis(url: string, logger: Logger): Promise<Redis> {
  const { Redis: Client } = await import('ioredis') // 6 MB that only those pay who use it
  const redis = new Client(url, {
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 1000,
    // One that hangs would hold every request: the first wait little, then the connection counts as gone.
    commandTimeout: REDIS_COMMAND_MS,
    socketTimeout: REDIS_SILENCE_MS,
  })
  let reported = 0
  redis.on('error', (error: Error) => {
    if (Date.now() - reported < REDIS_REPORT_MS) return
    reported = Date.now()
    logger.error({ err: error }, 'Redis is not reachable: rate limits are not enforced')
  })
  return redis
}

/** Whose budget a request uses. Attempts to sign in are the network's, or every account would bring new ones. */
function budgetOf(request: FastifyRequest, name: LimitClassName, apiKeys: ReturnType<typeof createApiKeys>): string {
  if (name === 'login') return networkKey(request.ip)
  return request.identity?.budget ?? clientKey(request.headers, request.ip, apiKeys)
}

/** The budgets of all classes, wherever they are counted. */
export async function createLimits(
  app: App,
  config: GatewayConfig,
  logger: Logger,
  apiKeys: ReturnType<typeof createApiKeys>,
) {
  const redis = config.REDIS_URL === undefined ? undefined : await connectRedis(config.REDIS_URL, logger)
  await app.register(rateLimit, {
    global: false,
    skipOnError: true,
    nameSpace: 'najimban-limit-',
    ...(redis === undefined ? {} : { redis }),
  })
  app.decorateRequest('limitKey', '')
  const isMonitor = createMonitorCheck(config.MONITOR_KEY)
  const limiter = (max: number) =>
    app.createRateLimit({
      max,
      timeWindow: config.RATE_LIMIT_WINDOW_MS,
      keyGenerator: (request: FastifyRequest) => request.limitKey,
      cache: config.RATE_LIMIT_CLIENTS_MAX,
    } as CreateRateLimitOptions)
  const limiters = {} as Record<LimitClassName, ReturnType<typeof limiter>>
  for (const name of Object.keys(LIMIT_CLASSES) as LimitClassName[]) {
    limiters[name] = limiter(config[LIMIT_CLASSES[name].setting])
  }
  const verifications = limiter(config.RATE_LIMIT_VERIFY)
  const seconds = Math.ceil(config.RATE_LIMIT_WINDOW_MS / MS_PER_S)

  /** Counts every request but probes (404s too) against the budget of its class and answers 429 beyond it. */
  async function countRequest(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    if (request.routeOptions.config.public === true || isMonitor(request.headers)) return
    const name = limitClassOf(request.method, request.url)
    request.limitKey = `${name}:${budgetOf(request, name, apiKeys)}`
    const result = await limiters[name](request)
    if (result.isAllowed) return
    const { max, remaining, ttlInSeconds: reset } = result
    reply.header('x-ratelimit-limit', max)
    reply.header('x-ratelimit-remaining', remaining)
    reply.header('x-ratelimit-reset', reset)
    // draft-ietf-httpapi-ratelimit-headers
    reply.header('ratelimit-policy', `"${name}";q=${max};w=${seconds}`)
    reply.header('ratelimit', `"${name}";r=${remaining};t=${reset}`)
    if (!result.isExceeded) return
    throw new Problem('too-many-requests', {
      detail: `The budget of ${max} ${name} requests in ${seconds} s is used up; try again in ${reset} s`,
      headers: { 'retry-after': String(Math.max(1, reset)) },
    })
  }

  /** Counts the verification of a credential for the network that it comes from; whether there was budget left for it. */
  async function countVerification(request: FastifyRequest): Promise<boolean> {
    if (isMonitor(request.headers)) return true
    request.limitKey = `verify:${networkKey(request.ip)}`
    const result = await verifications(request)
    return result.isAllowed || !result.isExceeded
  }

  app.addHook('onClose', () => redis?.disconnect())
  return {
    countRequest,
    countVerification,
    /** Where the counts are kept and whether that works. */
    store: (): string => (redis === undefined ? 'memory' : redis.status === 'ready' ? 'redis' : 'redis-unreachable'),
  }
}
