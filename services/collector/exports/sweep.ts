import type { Logger } from '#shared/logger.ts'
import type { CollectorConfig } from '../config.ts'
import type { Writer } from '../writer/queue.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000
/** Links that are deleted in one transaction. */
const BATCH = 500

interface SweepParts {
  writer: Pick<Writer, 'run'>
  config: Pick<CollectorConfig, 'SIGN_HISTORY_DAYS'>
  logger: Logger
}

/** Deletes, every hour, the links that were over before SIGN_HISTORY_DAYS. @returns what ends that */
export function sweepLinks({ writer, config, logger }: SweepParts): () => void {
  async function sweep(): Promise<void> {
    const cutoff = Date.now() - config.SIGN_HISTORY_DAYS * DAY_MS
    while ((await writer.run('removeTokensOver', cutoff, BATCH)) === BATCH);
  }
  const quietly = () =>
    void sweep().catch((error: unknown) => logger.error({ err: error }, 'old links were not deleted'))
  quietly()
  const timer = setInterval(quietly, HOUR_MS).unref()
  return () => clearInterval(timer)
}
