import { onAnswered } from '#shared/answered.ts'
import type { App } from '#shared/server.ts'
import { statfs } from 'node:fs/promises'
import type { Registry } from 'prom-client'
import type { CollectorConfig } from '../../config.ts'
import { bucketOf, noTraffic, type Sample, type Traffic } from './sample.ts'

/** So many tenants and quotas are told apart in one sample; what is beyond is counted together. */
const LIMITED_MAX = 1000
/** Refusals that say nothing of what was sent. */
const OF_THE_CALLER = new Set([401, 403, 404, 429])
const SERVER_ERROR = 500

export type Signals = ReturnType<typeof createSignals>

const count = (traffic: Traffic, ms: number, isError: boolean): void => {
  const bucket = bucketOf(ms)
  traffic.requests++
  if (isError) traffic.errors++
  traffic.durations[bucket] = (traffic.durations[bucket] ?? 0) + 1
}

/** How many reports were received since the start, and how many of them were refused, as the metrics count them. */
async function receivedIn(registry: Registry): Promise<{ reports: number; rejected: number }> {
  const { values } = (await registry.getSingleMetric('collector_reports_received_total')?.get()) ?? { values: [] }
  const rejected = values.find(({ labels }) => labels.outcome === 'rejected')?.value ?? 0
  return { reports: values.reduce((sum, { value }) => sum + value, 0), rejected }
}

interface SignalParts {
  config: Pick<CollectorConfig, 'DATA_DIR' | 'WRITE_QUEUE_MAX'>
  /** Writes that wait. */
  pending(): number
  /** Of the collector's metrics. */
  registry: Registry
}

/** Counts in memory what rules about the system look at; each sample begins anew. */
export function createSignals({ config, pending, registry }: SignalParts) {
  let [requests, ingest, queue, single] = [noTraffic(), noTraffic(), 0, 0]
  let limited: Record<string, number> = {}
  let before = { reports: 0, rejected: 0 }
  const look = () => (queue = Math.max(queue, pending() / config.WRITE_QUEUE_MAX))

  return {
    /** Counts the requests of an app. */
    watch(app: App): void {
      onAnswered(app, (request, reply) => {
        const { statusCode } = reply.raw
        const ms = reply.elapsedTime
        look()
        count(requests, ms, statusCode >= SERVER_ERROR)
        const route = request.routeOptions.url
        const isError = statusCode >= 400 && !OF_THE_CALLER.has(statusCode)
        if (route === '/ingest/qc') {
          count(ingest, ms, isError)
          if (statusCode < 400) single++
        }
        // Of a batch its reports count, in the metrics, unless it failed whole; how long it takes says nothing.
        if (route === '/ingest/qc/batch' && isError) {
          ingest.requests++
          ingest.errors++
        }
      })
    },
    /** Counts reports that a quota refused, or that found no room. */
    limited(tenantId: string, quota: string, refused: number): void {
      if (quota === 'suspended') return
      const key = `${tenantId} ${quota}`
      const isKnown = key in limited || Object.keys(limited).length < LIMITED_MAX
      const place = isKnown ? key : 'others'
      limited[place] = (limited[place] ?? 0) + refused
    },
    /** What was counted since the last sample. */
    async take(): Promise<Sample> {
      look()
      const received = await receivedIn(registry)
      const disk = await statfs(config.DATA_DIR).catch(() => undefined)
      const diskFree = disk === undefined || disk.blocks === 0 ? null : disk.bavail / disk.blocks
      ingest.requests += Math.max(0, received.reports - before.reports - single)
      ingest.errors += received.rejected - before.rejected
      const sample = { requests, ingest, queue: Math.min(1, queue), diskFree, limited }
      ;[requests, ingest, queue, single, limited, before] = [noTraffic(), noTraffic(), 0, 0, {}, received]
      return sample
    },
  }
}
