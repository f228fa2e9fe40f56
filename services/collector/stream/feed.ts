import { setImmediate as pause } from 'node:timers/promises'
import type { Tenant } from '#shared/scope.ts'
import type { Stores } from '../engine/engine.ts'
import type { Versions } from '../versions/versions.ts'
import { isWanted, type Arrival, type ArrivalFilter, type ArrivalPage } from './arrivals.ts'
import type { Turns } from './turns.ts'

/** Reports of one read. */
export const PAGE = 100
/** The last reports of a tenant that are kept for those who listen, so that one read is enough for all of them. */
const KEPT = 500

/** What somebody reads who may have left meanwhile. */
export interface Reading {
  tenant: Tenant
  filter: ArrivalFilter
  isOver(): boolean
}

/** Somebody who listens to a tenant's reports. */
export interface Listener {
  /** There is something new. */
  wake(): void
}

interface TenantFeed {
  listeners: Set<Listener>
  kept: Arrival[]
  /** What is kept is everything after this place ... */
  since: number
  /** ... up to this one. */
  place: number
  reading: Promise<void> | undefined
  isStale: boolean
}

export type Feed = ReturnType<typeof createFeed>

/**
 * What arrives, for those who listen. Everybody reads at their own pace; nothing is kept for one of them.
 * @param turns of those who read what they have missed
 */
export function createFeed(store: Stores['arrivals'], versions: Pick<Versions, 'onChange'>, turns: Turns) {
  const tenants = new Map<Tenant, TenantFeed>()

  /** Reads on from what is kept. */
  async function read(tenant: Tenant, feed: TenantFeed): Promise<void> {
    while (feed.isStale) {
      feed.isStale = false
      const { arrivals, place, isLast } = await store.after(tenant, feed.place, PAGE)
      feed.place = place
      feed.kept.push(...arrivals)
      const over = feed.kept.length - KEPT
      if (over > 0) feed.since = (feed.kept.splice(0, over).at(-1) as Arrival).seq
      if (arrivals.length > 0) for (const { wake } of feed.listeners) wake()
      if (isLast) continue
      feed.isStale = true
      await pause()
    }
  }

  function refresh(tenant: Tenant, feed: TenantFeed): Promise<void> {
    feed.isStale = true
    feed.reading ??= read(tenant, feed).finally(() => (feed.reading = undefined))
    return feed.reading
  }

  const endListening = versions.onChange((tenant) => {
    const feed = tenants.get(tenant)
    // One that fails is made up for at the next heartbeat.
    if (feed !== undefined) void refresh(tenant, feed).catch(() => {})
  })

  return {
    /** Begins to listen. @returns what ends that */
    async join(tenant: Tenant, listener: Listener): Promise<() => void> {
      const since = await store.last(tenant)
      const known = tenants.get(tenant)
      const feed = known ?? { listeners: new Set(), kept: [], since, place: since, reading: undefined, isStale: false }
      tenants.set(tenant, feed)
      feed.listeners.add(listener)
      // Of what came since that place was read nobody has told.
      if (known === undefined) void refresh(tenant, feed).catch(() => {})
      return () => {
        feed.listeners.delete(listener)
        if (feed.listeners.size === 0 && tenants.get(tenant) === feed) tenants.delete(tenant)
      }
    },
    /** The last place that somebody may have read to. */
    last: (tenant: Tenant) => store.last(tenant),
    /** The next reports after a place that are wanted: of what is kept, when that goes back so far. */
    async after({ tenant, filter, isOver }: Reading, place: number): Promise<ArrivalPage> {
      const feed = tenants.get(tenant)
      if (feed === undefined || place < feed.since) {
        return await turns.run(tenant, async () => {
          if (isOver()) return { arrivals: [], place, isLast: true }
          // All of these are there already.
          const seen = feed?.place ?? place
          const page = await store.after(tenant, place, PAGE, filter)
          return page.isLast ? { ...page, place: Math.max(page.place, seen) } : page
        })
      }
      const { kept } = feed
      let at = kept.length
      while (at > 0 && (kept[at - 1] as Arrival).seq > place) at--
      const next = kept.slice(at, at + PAGE)
      const arrivals = next.filter((arrival) => isWanted(arrival, filter))
      return { arrivals, place: next.at(-1)?.seq ?? place, isLast: at + PAGE >= kept.length }
    },
    /** Looks for what nobody told of. */
    async look(tenant: Tenant): Promise<void> {
      const feed = tenants.get(tenant)
      if (feed !== undefined) await refresh(tenant, feed)
    },
    stop: endListening,
  }
}
