import { dayOf } from './quota.ts'
import type { Standing } from './store.ts'

/** A report as its tenant's usage counts it. */
export interface Used {
  tenantId: string
  /** Of it and its markdown, as they are stored. */
  bytes: number
}

/** What came on a day. */
export interface DayUse extends Used {
  /** First millisecond of the UTC day. */
  day: number
  reports: number
  /** Those of them that did not fit their schema. */
  quarantined: number
}

/** What there is more of, or less. */
export interface StorageUse extends Used {
  reports: number
}

/** Gathers what a write changes of what tenants use, once for all reports of a day. */
export function createUsageTally() {
  const days = new Map<string, DayUse>()
  const storage = new Map<string, StorageUse>()

  function store({ tenantId, bytes }: Used, by: 1 | -1): void {
    const known = storage.get(tenantId) ?? { tenantId, reports: 0, bytes: 0 }
    known.reports += by
    known.bytes += by * bytes
    storage.set(tenantId, known)
  }
  return {
    /** One that came now. */
    came(report: Used & { createdAt: number; isQuarantined: boolean }): void {
      const { tenantId, bytes, isQuarantined } = report
      const day = dayOf(report.createdAt)
      const key = `${day} ${tenantId}`
      const known = days.get(key) ?? { tenantId, day, reports: 0, quarantined: 0, bytes: 0 }
      known.reports++
      if (isQuarantined) known.quarantined++
      known.bytes += bytes
      days.set(key, known)
      store(report, 1)
    },
    /** One that is back: the day on which it came has counted it. */
    returned: (report: Used) => store(report, 1),
    gone: (report: Used) => store(report, -1),
    days: (): DayUse[] => [...days.values()],
    storage: (): StorageUse[] => [...storage.values()],
  }
}

/** How a tenant stands after such a change, when nobody else changes anything. */
export function grown(standing: Standing, tally: Pick<UsageTally, 'days' | 'storage'>): Standing {
  const after = { ...standing }
  for (const { day, reports, bytes } of tally.days()) {
    if (day !== after.day) continue
    after.reports += reports
    after.bytes += bytes
  }
  for (const { reports, bytes } of tally.storage()) {
    after.storedReports += reports
    after.storedBytes += bytes
  }
  return after
}

export type UsageTally = ReturnType<typeof createUsageTally>
