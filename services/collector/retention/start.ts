import type { Keyring } from '#shared/keyring.ts'
import type { App } from '#shared/server.ts'
import type { Stores } from '../engine/engine.ts'
import type { Admission } from '../tenants/admission.ts'
import { archiveRoot, sweepUnfinished } from './archive/files.ts'
import { createLineSigner } from './archive/signature.ts'
import { systemClock, type Clock } from './clock.ts'
import { holdRoutes } from './holds/routes.ts'
import { restoreRoutes } from './restore/routes.ts'
import { retentionRoutes } from './routes.ts'
import { createRetention, type RetentionParts } from './run.ts'
import { startSchedule } from './schedule.ts'

interface StartParts extends Omit<RetentionParts, 'store' | 'clock' | 'signer'> {
  stores: Pick<Stores, 'retention' | 'holds'>
  admission: Admission
  keyring: Pick<Keyring, 'mac' | 'verifyMac'>
  clock?: Clock
}

/** Who writes an archive for so long without a word has been killed. */
const ABANDONED_MS = 3_600_000

/** Retention with everything that belongs to it: its schedule, and routes for those who ask. */
export function startRetention(parts: StartParts) {
  const { stores, writer, admission, keyring, config, metrics, logger, clock = systemClock } = parts
  const { retention: store } = stores
  // The file of SQLite has one process; replicas may have a folder together.
  const isAlone = config.COLLECTOR_DATABASE_URL === undefined
  const swept = sweepUnfinished(archiveRoot(config.DATA_DIR), isAlone ? 0 : ABANDONED_MS)
  if (swept > 0) logger.info({ files: swept }, 'unfinished archives of a process that was killed were removed')
  const signer = createLineSigner(keyring)
  const retention = createRetention({ store, writer, config, metrics, logger, clock, signer })
  const schedule = startSchedule({ store, retention, clock, logger, schedule: config.RETENTION_SCHEDULE })
  return {
    routes: async (app: App): Promise<void> => {
      app.addHook('onReady', () => schedule.recovered)
      void app.register(retentionRoutes({ stores, writer, config, retention, schedule }))
      void app.register(holdRoutes(stores.holds, writer))
      void app.register(restoreRoutes({ writer, admission, config, signer }))
    },
    async stop(): Promise<void> {
      await retention.stop()
      await schedule.stop()
    },
  }
}
