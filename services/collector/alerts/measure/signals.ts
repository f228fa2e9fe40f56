import { onAnswered } from '#shared/answered.ts'
import type { App } from '#shared/server.ts'
import { statfs } from 'node:fs/promises'
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

/** Counts in memory what rules about the system look at; each sample begins anew. */
export function createSignals(config: Pick<CollectorConfig, 'DATA_DIR' | 'WRITE_QUEUE_MAX'>, pending: () => number) {
  let [requests, ingest, queue] = [noTraffic(), noTraffic(), 0]
  let limited: Record<string, number> = {}
  const look = () => (queue = Math.max(queue, pending() / config.WRITE_QUEUE_MAX))

  return {
    /** Counts the requests of an app. */
    watch(app: App): void {
      onAnswered(app, (request, reply) => {
        const { statusCode } = reply.raw
        const ms = reply.elapsedTime
        const route = request.routeOptions.url ?? ''
        look()
        count(requests, ms, statusCode >= SERVER_ERROR)
        if (route.startsWith('/ingest/')) count(ingest, ms, statusCode >= 400 && !OF_THE_CALLER.has(statusCode))
      })
    },
    /** Counts a report of a batch that was refused. */
    rejected: (): void => void ingest.errors++,
    /** Counts a request that a quota refused. */
    limited(tenantId: string, quota: string): void {
      const key = `${tenantId} ${quota}`
      const isKnown = key in limited || Object.keys(limited).length < LIMITED_MAX
      const place = isKnown ? key : 'others'
      limited[place] = (limited[place] ?? 0) + 1
    },
    /** What was counted since the last sample. */
    async take(): Promise<Sample> {
      look()
      const disk = await statfs(config.DATA_DIR).catch(() => undefined)
      const diskFree = disk === undefined || disk.blocks === 0 ? null : disk.bavail / disk.blocks
      const sample = { requests, ingest, queue: Math.min(1, queue), diskFree, limited }
      ;[requests, ingest, queue, limited] = [noTraffic(), noTraffic(), 0, {}]
      return sample
    },
  }
}
