import type { Tenant } from '#shared/scope.ts'
import type { Stores } from '../engine/engine.ts'
import { createPace } from './pace.ts'
import type { Place } from './archive/write.ts'
import type { Weighed } from './store.ts'

interface Month {
  /** `YYYY-MM`, UTC. */
  month: string
  reports: number
  bytes: number
  held: number
}

/** What a run would do; times are milliseconds since 1970. */
export interface DryRun {
  reports: number
  bytes: number
  oldest?: number
  newest?: number
  held: number
  heldBytes: number
  months: Month[]
}

const PAGE = 500
const BEGINNING: Place = [-1, -1]

/** Weighs the reports that a run with this cutoff would delete. It changes nothing, and reads no more than their sizes. */
export async function dryRun(store: Stores['retention'], tenantId: Tenant, cutoffTime: number): Promise<DryRun> {
  const result: DryRun = { reports: 0, bytes: 0, held: 0, heldBytes: 0, months: [] }

  function add({ createdAt, bytes, held }: Weighed): void {
    const name = new Date(createdAt).toISOString().slice(0, 7)
    let month = result.months.at(-1)
    if (month?.month !== name) result.months.push((month = { month: name, reports: 0, bytes: 0, held: 0 }))
    if (held) {
      month.held++
      result.held++
      result.heldBytes += bytes
      return
    }
    month.reports++
    month.bytes += bytes
    result.reports++
    result.bytes += bytes
    result.oldest ??= createdAt
    result.newest = createdAt
  }

  const rest = createPace()
  for (let place: Place | undefined = BEGINNING; place !== undefined;) {
    const rows: Weighed[] = await store.weigh(tenantId, cutoffTime, place, PAGE)
    rows.forEach(add)
    const last = rows.at(-1)
    place = last === undefined || rows.length < PAGE ? undefined : [last.createdAt, last.seq]
    await rest()
  }
  return result
}
