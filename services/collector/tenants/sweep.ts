import type { Logger } from '#shared/logger.ts'
import type { Writer } from '../writer/queue.ts'
import { DAY_MS, dayOf } from './quota.ts'

const HOUR_MS = 3_600_000

/** Forgets, every hour, the usage of days past so many. @returns what ends that */
export function sweepUsage(writer: Pick<Writer, 'run'>, days: number, logger: Logger): () => void {
  const sweep = () =>
    void writer
      .run('removeUsageBefore', dayOf(Date.now()) - days * DAY_MS)
      .catch((error: unknown) => logger.error({ err: error }, 'old usage was not deleted'))
  sweep()
  const timer = setInterval(sweep, HOUR_MS).unref()
  return () => clearInterval(timer)
}
