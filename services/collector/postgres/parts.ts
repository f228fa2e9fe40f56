import type { CollectorConfig } from '../config.ts'
import { findingsPart } from '../findings/postgres-record.ts'
import { countsPart } from '../rollups/postgres.ts'
import { searchPart } from '../search/postgres-part.ts'
import { usagePart } from '../tenants/postgres.ts'
import type { Standing } from '../tenants/store.ts'
import type { ReportPart } from './report-part.ts'

export interface PartsOptions {
  config: CollectorConfig
  /** Of this process; see shard.ts. */
  shard: number
  /** Told how a tenant stands once this write is committed. */
  note(standing: Standing): void
}

/** Everything that is kept of reports beside themselves, in the order in which it is stored. */
export const reportParts = ({ config, shard, note }: PartsOptions): readonly ReportPart[] => [
  findingsPart(config),
  countsPart(shard),
  usagePart(shard, note),
  searchPart(config, shard),
]
