import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { CollectorConfig } from '../config.ts'
import { createMinute, type Minute } from './minute.ts'
import { DAY_MS, limitsOf, type QuotaName } from './quota.ts'
import type { Standings } from './standings.ts'
import type { Standing } from './store.ts'

/** A quota that has no room for what came. */
export interface Over {
  quota: QuotaName
  limit: number
  /** Seconds until there is room, as far as that can be known; Infinity: there never will be. */
  retryAfterS: number
}

/** What is under way of a tenant: taken, and not on disk yet. */
interface Meter {
  minute: Minute
  reports: number
  bytes: number
  /** Bytes of reports that come back: they need room, and are nothing new of today. */
  returning: number
}

interface QuotaParts {
  standings: Standings
  config: CollectorConfig
  /** Milliseconds since 1970, for days. */
  now?: () => number
  /** Milliseconds of a clock that never goes back, for minutes. */
  monotonic?: () => number
}

export type QuotaGate = ReturnType<typeof createQuotaGate>
export type Hold = ReturnType<QuotaGate['hold']>

/** Meters in memory; beyond, those of tenants that have nothing under way begin anew. */
const METERS_MAX = 10_000
/** Storage is free when something is deleted, and nobody knows when: then it is worth while to ask again. */
const STORAGE_RETRY_S = 3600

/** The refusal of a single report. */
export function overQuota({ quota, limit, retryAfterS }: Over, tenant: Tenant): Problem {
  const extensions = { quota, limit }
  if (retryAfterS === Infinity) {
    const detail = `The report is larger than the quota ${quota} (${limit}) of the tenant ${tenant}`
    return new Problem('too-large', { detail, extensions })
  }
  return new Problem('too-many-requests', {
    detail: `The quota ${quota} (${limit}) of the tenant ${tenant} is used up`,
    headers: { 'retry-after': String(retryAfterS) },
    extensions,
  })
}

/**
 * Lets reports in as long as their tenant has room for them: what is on disk and what is under way never exceed a quota, also
 * when much comes at once. The minute counts what is sent, the others what is stored.
 */
export function createQuotaGate({
  standings,
  config,
  now = Date.now,
  monotonic = performance.now.bind(performance),
}: QuotaParts) {
  const meters = new Map<Tenant, Meter>()
  const second = () => Math.floor(monotonic() / 1000)

  function meterOf(tenant: Tenant): Meter {
    let meter = meters.get(tenant)
    if (meter === undefined) {
      if (meters.size >= METERS_MAX)
        for (const [idle, own] of meters) if (own.reports + own.returning === 0) meters.delete(idle)
      meter = { minute: createMinute(), reports: 0, bytes: 0, returning: 0 }
      meters.set(tenant, meter)
    }
    return meter
  }

  function storageOver(standing: Standing, meter: Meter, bytes: number): Over | undefined {
    const limit = limitsOf(standing.quotas, config).storageBytes
    if (standing.storedBytes + meter.bytes + meter.returning + bytes <= limit) return undefined
    return { quota: 'storageBytes', limit, retryAfterS: bytes > limit ? Infinity : STORAGE_RETRY_S }
  }

  /** What has no room for one more report of so many bytes: of several quotas the one that takes longest. */
  function overOf(standing: Standing, meter: Meter, bytes: number): Over | undefined {
    const limits = limitsOf(standing.quotas, config)
    let over: Over | undefined
    const judge = (quota: QuotaName, used: number, more: number, waitS: () => number) => {
      const limit = limits[quota]
      if (used + more <= limit) return
      const retryAfterS = more > limit ? Infinity : waitS()
      if (over === undefined || retryAfterS > over.retryAfterS) over = { quota, limit, retryAfterS }
    }
    const time = second()
    const untilMidnight = () => Math.max(1, Math.ceil((standing.day + DAY_MS - now()) / 1000))
    judge('reportsPerMinute', meter.minute.sum(time), 1, () => meter.minute.untilRoom(time, limits.reportsPerMinute))
    judge('reportsPerDay', standing.reports + meter.reports, 1, untilMidnight)
    judge('bytesPerDay', standing.bytes + meter.bytes, bytes, untilMidnight)
    const room = storageOver(standing, meter, bytes)
    return room !== undefined && room.retryAfterS > (over?.retryAfterS ?? 0) ? room : over
  }

  /** Of a tenant whose standing nobody has asked for there is nothing to say. */
  function check(tenant: Tenant, bytes: number): Over | undefined {
    const standing = standings.last(tenant)
    return standing === undefined ? undefined : overOf(standing, meterOf(tenant), bytes)
  }

  return {
    /** What has no room for a report of so many bytes, before it is read; takes nothing. */
    check,
    /** Room for reports that go to the writer together; to be released when they are on disk, or not to be. */
    hold(tenant: Tenant) {
      let meter: Meter | undefined
      let [reports, bytes] = [0, 0]
      return {
        /** Takes room for one more report of so many bytes, or says why there is none. */
        take(more: number): Over | undefined {
          const over = check(tenant, more)
          if (over !== undefined) return over
          meter ??= meterOf(tenant)
          meter.minute.add(second(), 1)
          meter.reports++
          meter.bytes += more
          reports++
          bytes += more
          return undefined
        },
        /** @param isSent false: it was our fault that they were not stored, and does not count against the minute */
        release(isSent: boolean): void {
          if (meter === undefined) return
          meter.reports -= reports
          meter.bytes -= bytes
          if (!isSent) meter.minute.remove(reports)
          meter = undefined
          reports = bytes = 0
        },
      }
    },
    /** Room for reports that come back together: they need storage, and are nothing new of this minute and day. */
    holdReturning(tenant: Tenant) {
      let returning = 0
      return {
        /** Takes room for one more report of so many bytes, or says why there is none. */
        take(more: number): Over | undefined {
          const standing = standings.last(tenant)
          if (standing === undefined) return undefined
          const meter = meterOf(tenant)
          const over = storageOver(standing, meter, more)
          if (over !== undefined) return over
          meter.returning += more
          returning += more
          return undefined
        },
        release(): void {
          if (returning > 0) meterOf(tenant).returning -= returning
          returning = 0
        },
      }
    },
    /** Reports of the last minute. */
    usedThisMinute: (tenant: Tenant): number => meters.get(tenant)?.minute.sum(second()) ?? 0,
  }
}
