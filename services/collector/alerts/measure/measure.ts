import type { Tenant } from '#shared/scope.ts'
import type { Eventual } from '../../engine/engine.ts'
import type { Reading } from '../alert.ts'
import { durationMs } from '../duration.ts'
import type { Capacity, ErrorRate, Latency, NoReport, RateLimited, BlockFindings, Rule } from '../rules/schema.ts'
import type { AlertStore } from '../store.ts'
import { quantileOf, sumOf, type Sample } from './sample.ts'

const HOUR_MS = 3_600_000
const P99 = 0.99

export type Samples = readonly { at: number; instance: string; sample: Sample }[]

/** How much of its quota a tenant has stored. */
export interface StorageUse {
  tenantId: string
  bytes: number
  quota: number
}

/** What rules are measured by; every read is bounded or by an index. */
export interface Sources {
  tenantId: Tenant
  now: number
  /** Of the last day, oldest first. */
  samples: Samples
  /** Samples that are older than this say nothing about how it is now. */
  freshMs: number
  /** Quota of tenants that have none of their own, in bytes; 0 is none. */
  storageQuota: number
  store: Eventual<Pick<AlertStore, 'blockFindings' | 'lastReportAt' | 'storageUse'>>
}

const percentOf = (part: number, whole: number): number => (whole === 0 ? 0 : Math.round((part / whole) * 1000) / 10)
const single = (rule: Rule, isOver: boolean, facts: Reading['facts'], holdMs?: number): Reading[] => [
  { rule, labels: rule.labels, isOver, facts, ...(holdMs === undefined ? {} : { holdMs }) },
]

async function blockFindings(rule: Rule & BlockFindings, { tenantId, now, store }: Sources): Promise<Reading[]> {
  const ms = durationMs(rule.window) as number
  const filter = { rule: rule.rule ?? null, target: rule.target ?? null }
  const count = await store.blockFindings(tenantId, [now - ms, now + 1], now, filter)
  const before = await store.blockFindings(tenantId, [now - 2 * ms, now - ms], now, filter)
  const isOver = count >= rule.count && count >= before * (1 + rule.percent / 100)
  return single(rule, isOver, { count, before, windowMs: ms, least: rule.count, percent: rule.percent })
}

function trafficOf({ of, window }: { of: 'requests' | 'ingest'; window: string }, { samples, now }: Sources) {
  const ms = durationMs(window) as number
  return { ms, traffic: sumOf(samples.filter(({ at }) => at > now - ms).map(({ sample }) => sample[of])) }
}

function errorRate(rule: Rule & ErrorRate, sources: Sources): Reading[] {
  const { ms, traffic } = trafficOf(rule, sources)
  const { requests, errors } = traffic
  const share = Math.min(100, percentOf(errors, requests))
  const isOver = requests >= rule.least && share >= rule.percent
  return single(rule, isOver, { of: rule.of, share, errors, requests, windowMs: ms, percent: rule.percent })
}

function latency(rule: Rule & Latency, sources: Sources): Reading[] {
  const { ms, traffic } = trafficOf(rule, sources)
  const p99Ms = Math.round(quantileOf(traffic, P99) * 10) / 10
  const isOver = traffic.requests >= rule.least && p99Ms >= rule.p99Ms
  return single(rule, isOver, { of: rule.of, p99Ms, requests: traffic.requests, windowMs: ms, limitMs: rule.p99Ms })
}

async function capacity(
  rule: Rule & Capacity,
  { samples, now, freshMs, store, storageQuota }: Sources,
): Promise<Reading[]> {
  const { diskFreePercent, queuePercent, storagePercent } = rule
  const readings: Reading[] = []
  const add = (labels: Record<string, string>, isOver: boolean, percent: number, limit: number) =>
    readings.push({ rule, labels: { ...rule.labels, ...labels }, isOver, facts: { ...labels, percent, limit } })
  const latest = new Map(samples.filter(({ at }) => at > now - freshMs).map((one) => [one.instance, one.sample]))
  for (const [instance, { diskFree, queue }] of latest) {
    if (diskFreePercent !== undefined && diskFree !== null) {
      const percent = percentOf(diskFree, 1)
      add({ resource: 'disk', instance }, percent < diskFreePercent, percent, diskFreePercent)
    }
    if (queuePercent !== undefined) {
      const percent = percentOf(queue, 1)
      add({ resource: 'queue', instance }, percent >= queuePercent, percent, queuePercent)
    }
  }
  for (const { tenantId, bytes, quota } of storagePercent === undefined ? [] : await store.storageUse(storageQuota)) {
    const percent = percentOf(bytes, quota)
    add(
      { resource: 'storage', tenant: tenantId },
      percent >= (storagePercent as number),
      percent,
      storagePercent as number,
    )
  }
  return readings
}

function rateLimited(rule: Rule & RateLimited, { samples, now, tenantId }: Sources): Reading[] {
  const ms = durationMs(rule.window) as number
  const refused = new Map<string, number>()
  for (const { sample } of samples.filter(({ at }) => at > now - ms)) {
    for (const [key, count] of Object.entries(sample.limited)) {
      const [tenant, quota = ''] = key.split(' ')
      if (tenant === tenantId) refused.set(quota, (refused.get(quota) ?? 0) + count)
    }
  }
  return [...refused].map(([quota, count]) => ({
    rule,
    labels: { ...rule.labels, quota },
    isOver: count >= rule.count,
    facts: { quota, count, windowMs: ms },
  }))
}

async function noReport(rule: Rule & NoReport, { tenantId, now, store }: Sources): Promise<Reading[]> {
  const limitMs = rule.hours * HOUR_MS
  const last = await store.lastReportAt(tenantId)
  const facts = { hours: rule.hours, ...(last === undefined ? {} : { lastAt: last }) }
  // A tenant that never sent anything has that time from the first look on.
  if (last === undefined) return single(rule, true, facts, limitMs)
  return single(rule, now - last >= limitMs, facts)
}

/**
 * What a rule says now: a reading for each set of labels that there is.
 * @throws what the store throws
 */
export async function measure(rule: Rule, sources: Sources): Promise<Reading[]> {
  switch (rule.kind) {
    case 'block_findings':
      return blockFindings(rule, sources)
    case 'error_rate':
      return errorRate(rule, sources)
    case 'latency':
      return latency(rule, sources)
    case 'capacity':
      return capacity(rule, sources)
    case 'rate_limited':
      return rateLimited(rule, sources)
    case 'no_report':
      return noReport(rule, sources)
    // While rules are measured it is there; what happens without it is told another way.
    case 'database_lost':
      return single(rule, false, {})
  }
}

const SAMPLED: ReadonlySet<string> = new Set(['error_rate', 'latency', 'capacity', 'rate_limited'])

/** Whether a rule looks at samples. */
export const needsSamples = ({ kind }: Rule): boolean => SAMPLED.has(kind)
