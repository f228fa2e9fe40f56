import { integer, type Settings } from '#shared/config.ts'

export interface BatchConfig {
  INGEST_BATCHES_TENANT_MAX: number
  INGEST_INFLATE_RATIO_MAX: number
}

export const batchSettings: Settings<BatchConfig> = {
  INGEST_BATCHES_TENANT_MAX: integer(1, 10_000)
    .default(16)
    .description('Batches of one tenant that are read at a time; beyond: 429'),
  INGEST_INFLATE_RATIO_MAX: integer(1, 1e6)
    .default(1100)
    .description(
      'Most bytes that come out of one coded byte of a batch, once a megabyte came out; beyond: 413. gzip has 1032 at most',
    ),
}
