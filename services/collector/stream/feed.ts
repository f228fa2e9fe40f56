import type { Tenant } from '#shared/scope.ts'
import type { Stores } from '../engine/engine.ts'
import type { Versions } from '../versions/versions.ts'
import type { Arrival } from './arrivals.ts'

/** Reports of one read. */
export const PAGE = 100
/** The last reports of a tenant that are kept for those who listen, so that one read is enough for all of them. */
const KEPT = 500

/** Somebody who listens to a tenant's reports. */
export interface Listener {
  /** There is something new. */
  wake(): void
}

interface TenantFeed {
  listeners: Set<Listener>
  kept: Arrival[]
  /** What is kept is everything after this place. */
  since: number
  reading: Promise<void> | undefined
  isStale: boolean
}

export type Feed = ReturnType<typeof createFeed>

/** What arrives, for those who listen. Everybody reads at their own pace; nothing is kept for one of them. */
export function createFeed(store: Stores['arrivals'], versions: Pick<Versions, 'onChange'>) {
  const tenants = new Map<Tenant, TenantFeed>()

  const head = ({ kept, since }: TenantFeed): number => kept.at(-1)?.seq ?? since

  /** Reads on from what is kept. */
  async function read(tenant: Tenant, feed: TenantFeed): Promise<void> {
    while (feed.isStale) {
      feed.isStale = false
      const page = await store.after(tenant, head(feed), PAGE)
      if (page.length === PAGE) feed.isStale = true
      feed.kept.push(...page)
      const over = feed.kept.length - KEPT
      if (over > 0) feed.since = (feed.kept.splice(0, over).at(-1) as Arrival).seq
      if (page.length > 0) for (const { wake } of feed.listeners) wake()
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
      const feed = known ?? { listeners: new Set(), kept: [], since, reading: undefined, isStale: false }
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
    /** The next reports after a place: of what is kept, when that goes back so far. */
    async after(tenant: Tenant, place: number): Promise<Arrival[]> {
      const feed = tenants.get(tenant)
      if (feed === undefined || place < feed.since) return store.after(tenant, place, PAGE)
      const { kept } = feed
      let at = kept.length
      while (at > 0 && (kept[at - 1] as Arrival).seq > place) at--
      return kept.slice(at, at + PAGE)
    },
    /** Looks for what nobody told of. */
    async look(tenant: Tenant): Promise<void> {
      const feed = tenants.get(tenant)
      if (feed !== undefined) await refresh(tenant, feed)
    },
    stop: endListening,
  }
}
