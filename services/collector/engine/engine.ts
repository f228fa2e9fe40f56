import type { AlertStore } from '../alerts/store.ts'
import type { AuditStore } from '../audit/store.ts'
import type { BundleKeyStore } from '../exports/keys/store.ts'
import type { TokenStore } from '../exports/store.ts'
import type { FindingStore } from '../findings/store.ts'
import type { ReportStore } from '../reports/store.ts'
import type { HoldStore } from '../retention/holds/store.ts'
import type { RetentionStore } from '../retention/store.ts'
import type { SchemaStore } from '../schemas/store.ts'
import type { StatsStore } from '../stats/store.ts'
import type { ArrivalStore } from '../stream/arrivals.ts'
import type { TimelineStore } from '../timeline/store.ts'
import type { Standings } from '../tenants/standings.ts'
import type { TenantStore } from '../tenants/store.ts'
import type { Usage } from '../tenants/usage.ts'
import type { Versions } from '../versions/versions.ts'
import type { Writer } from '../writer/queue.ts'

/** Methods of a store that may answer at once (SQLite) or later (PostgreSQL). */
export type Eventual<S> = {
  [K in keyof S]: S[K] extends (...args: infer A) => infer R ? (...args: A) => R | Promise<R> : never
}

/** What routes read from. */
export interface Stores {
  reports: Eventual<ReportStore>
  arrivals: Eventual<ArrivalStore>
  stats: Eventual<StatsStore>
  findings: Eventual<Pick<FindingStore, 'list' | 'get' | 'history'>>
  tokens: Eventual<Pick<TokenStore, 'find' | 'history'>>
  bundleKeys: Eventual<Pick<BundleKeyStore, 'all'>>
  schemas: Eventual<Omit<SchemaStore, 'add'>>
  timeline: Eventual<TimelineStore>
  alerts: Eventual<AlertStore>
  audit: Eventual<Pick<AuditStore, 'list'>>
  holds: Eventual<Pick<HoldStore, 'get' | 'list' | 'count'>>
  retention: Eventual<RetentionStore>
  tenants: Eventual<Pick<TenantStore, 'find' | 'ids' | 'stored'>>
  usage: Eventual<Pick<Usage, 'days'>>
}

/** A database with everything that the service does with it: routes know no other. */
export interface Engine {
  stores: Stores
  /** Through which everything changes. */
  writer: Writer
  versions: Versions
  standings: Standings
  /** Writes what waits, and releases what it holds. */
  stop(): Promise<void>
}
