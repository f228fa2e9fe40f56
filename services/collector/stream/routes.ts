import type { Health } from '#shared/health.ts'
import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { Registry } from 'prom-client'
import type { CollectorConfig } from '../config.ts'
import type { Engine } from '../engine/engine.ts'
import type { ArrivalFilter } from './arrivals.ts'
import { placeOf } from './events.ts'
import { createFeed } from './feed.ts'
import { createStreamMetrics } from './metrics.ts'
import { createReader, type Reader } from './reader.ts'
import { streamQuery } from './schema.ts'
import { createTurns } from './turns.ts'

interface StreamParts {
  engine: Pick<Engine, 'stores' | 'versions' | 'standings'>
  config: CollectorConfig
  health: Pick<Health, 'onDraining' | 'isDraining'>
  registers: Registry[]
}

const RETRY_AFTER_S = 5
/** How often it is looked whether a tenant was suspended elsewhere. */
const SUSPENDED_CHECK_MS = 1000
const TYPE = 'text/event-stream; charset=utf-8'

/** What is stored, as it is stored. */
export function createStreams({ engine, config, health, registers }: StreamParts) {
  const turns = createTurns(config.STREAM_CATCHUPS_MAX, config.STREAM_CATCHUPS_TENANT_MAX)
  const feed = createFeed(engine.stores.arrivals, engine.versions, turns)
  const { standings } = engine
  const readers = new Map<Reader, Tenant>()
  const perTenant = new Map<Tenant, number>()
  /** Those too that are about to begin. */
  let open = 0
  const metrics = createStreamMetrics(registers, () => open)
  const endAll = () => {
    for (const reader of readers.keys()) reader.end()
  }
  health.onDraining(endAll)
  const endWatch = standings.onSuspended((tenant) => {
    for (const [reader, owner] of readers) if (owner === tenant) reader.end()
  })
  const checker = setInterval(() => {
    // What it finds is told to whoever watches; a database that is away says nothing.
    for (const tenant of perTenant.keys()) void Promise.resolve(standings.of(tenant)).catch(() => {})
  }, SUSPENDED_CHECK_MS).unref()

  /** Takes one of the streams that there may be. @returns what gives it back @throws Problem when there is none */
  function take(tenant: Tenant): () => void {
    const own = perTenant.get(tenant) ?? 0
    const headers = { 'retry-after': String(RETRY_AFTER_S) }
    if (health.isDraining()) throw new Problem('unavailable', { detail: 'The service is stopping', headers })
    if (own >= config.STREAMS_PER_TENANT_MAX) {
      throw new Problem('too-many-requests', { detail: 'The tenant has too many event streams', headers })
    }
    if (open >= config.STREAMS_MAX)
      throw new Problem('overloaded', { detail: 'There are too many event streams', headers })
    open++
    perTenant.set(tenant, own + 1)
    return () => {
      open--
      const left = (perTenant.get(tenant) ?? 1) - 1
      if (left === 0) perTenant.delete(tenant)
      else perTenant.set(tenant, left)
    }
  }

  /** A reader goes on where it was, or from now on; also when that place is not there yet, because an older database is back. */
  async function startOf(tenant: Tenant, lastEventId: string | undefined): Promise<number> {
    const place = lastEventId === undefined ? undefined : placeOf(lastEventId)
    const last = await feed.last(tenant)
    return place === undefined || place > last ? last : place
  }

  async function openReader(tenant: Tenant, filter: ArrivalFilter, lastEventId: string | undefined): Promise<Reader> {
    const giveBack = take(tenant)
    const waiting: { reader?: Reader } = {}
    let leave = () => {}
    try {
      const place = await startOf(tenant, lastEventId)
      leave = await feed.join(tenant, { wake: () => waiting.reader?.wake() })
      const onDropped = () => metrics.dropped.inc()
      const reader = createReader({ feed, tenant, place, filter, config, onDropped })
      waiting.reader = reader
      readers.set(reader, tenant)
      if (standings.last(tenant)?.state === 'suspended') reader.end()
      reader.stream.once('close', () => {
        readers.delete(reader)
        leave()
        giveBack()
      })
      return reader
    } catch (error) {
      leave()
      giveBack()
      throw error
    }
  }

  const routes = async (app: App) => {
    app.get(
      '/reports/stream',
      {
        exposeHeadRoute: false,
        config: { etag: false },
        schema: {
          tags: ['reports'],
          summary: 'Reports as they are stored (server-sent events)',
          description:
            'Events `report` with an item of the list each. With Last-Event-ID it goes on after that event, else it begins now. A ' +
            'reader that takes nothing is dropped.',
          querystring: streamQuery,
        },
      },
      async (request, reply) => {
        const { 'last-event-id': header = '' } = request.headers as Record<string, string | undefined>
        const { last_event_id: fromQuery, ...filter } = request.query
        const lastEventId = header === '' ? fromQuery : header
        const { stream } = await openReader(request.caller.tenant, filter, lastEventId)
        // It ends with the client, also with one that left before the first byte.
        reply.raw.once('close', () => stream.destroy())
        if (reply.raw.destroyed) stream.destroy()
        return reply.header('cache-control', 'no-store').header('x-accel-buffering', 'no').type(TYPE).send(stream)
      },
    )
  }

  return {
    routes,
    stop(): void {
      clearInterval(checker)
      endWatch()
      endAll()
      feed.stop()
    },
  }
}
