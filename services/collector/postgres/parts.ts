import type { CollectorConfig } from '../config.ts'
import { findingsPart } from '../findings/postgres-record.ts'
import { countsPart } from '../rollups/postgres.ts'
import type { ReportPart } from './report-part.ts'

export interface PartsOptions {
  config: CollectorConfig
  /** Of this process; see shard.ts. */
  shard: number
}

/** Everything that is kept of reports beside themselves, in the order in which it is stored. */
export const reportParts = ({ shard }: PartsOptions): readonly ReportPart[] => [findingsPart, countsPart(shard)]
