import { accountDataRoutes } from '#shared/account-data.ts'
import { createService, serveServiceHealth } from '#shared/service.ts'
import type { Built, Deps, ProcessOptions } from '#shared/start.ts'
import { createDiaryData } from './account-data/store.ts'
import { settings, type DiaryConfig } from './config.ts'
import { entryRoutes } from './entries/routes.ts'
import { entrySchemas } from './entries/schema.ts'
import { createEntryStore } from './entries/store.ts'
import { createImageFiles } from './images/files.ts'
import { imageRoutes } from './images/routes.ts'
import { createImageStore } from './images/store.ts'
import { scheduleSweep } from './images/sweep.ts'
import { registerDiaryMetrics } from './metrics.ts'
import { openDiaryDatabase } from './migrations.ts'
import { searchRoutes } from './search/routes.ts'
import { createSearchStore } from './search/store.ts'

const INFO = {
  name: 'diary',
  title: 'Diary',
  description: 'One entry a day, with its mood, weather, tags and images',
} as const

export const diaryProcess: ProcessOptions<DiaryConfig> = {
  name: INFO.name,
  settings,
  port: (config) => config.DIARY_PORT,
  openDatabase: openDiaryDatabase,
  build: buildDiary,
}

/** The diary on an open database; it never listens. */
export function buildDiary(config: DiaryConfig, deps: Deps): Built {
  const { db, writes, app } = createService(INFO, config, deps)
  const entries = createEntryStore(db)
  const images = createImageStore(db)
  const numbers = registerDiaryMetrics(deps.metrics.registry, writes.pending)
  const files = createImageFiles(config.DATA_DIR, numbers.imageStored)
  const parts = { entries, images, files, writes, config }

  app.decorateRequest('embedded', undefined)
  serveServiceHealth(app, INFO.name, deps.health)
  void app.register(searchRoutes(createSearchStore(db), entrySchemas(config)))
  void app.register(entryRoutes(parts))
  void app.register(imageRoutes(parts))
  void app.register(accountDataRoutes(createDiaryData(db, writes, files)))

  const sweep = scheduleSweep(files, images.inFolder, deps.logger, config.DRAIN_TIMEOUT_MS)
  return {
    app,
    async close() {
      writes.stop()
      await sweep.stop()
    },
  }
}
