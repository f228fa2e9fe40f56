import type { Logger } from '#shared/logger.ts'
import type { Writes } from '#shared/writes.ts'

const INTERVAL_MS = 600_000

/** Deletes some rows that matter no more, inside a write. @returns whether there may be more */
export type Sweeper = () => boolean

/** Deletes what is past its time, a batch a transaction, so that other writes go on in between. */
export function scheduleSweep(sweepers: readonly Sweeper[], writes: Pick<Writes, 'run'>, logger: Logger) {
  let stopped = false
  async function sweep(): Promise<void> {
    for (const sweeper of sweepers) while (!stopped && (await writes.run(sweeper)));
  }
  const timer = setInterval(() => {
    sweep().catch((error: unknown) => logger.error({ err: error }, 'old rows could not be deleted'))
  }, INTERVAL_MS).unref()
  return {
    sweep,
    stop() {
      stopped = true
      clearInterval(timer)
    },
  }
}
