import { identifyCaller } from '#shared/caller.ts'
import type { Database } from '#shared/database.ts'
import { serveOpenApi } from '#shared/openapi.ts'
import { createServer } from '#shared/server.ts'
import { EXIT, type Built, type Deps, type ProcessOptions } from '#shared/start.ts'
import { createWrites } from '#shared/writes.ts'
import { settings, type DiaryConfig } from './config.ts'
import { entryRoutes } from './entries/routes.ts'
import { entrySchemas } from './entries/schema.ts'
import { createEntryStore } from './entries/store.ts'
import { healthRoute } from './health.ts'
import { createImageFiles } from './images/files.ts'
import { imageRoutes } from './images/routes.ts'
import { createImageStore } from './images/store.ts'
import { scheduleSweep } from './images/sweep.ts'
import { registerDiaryMetrics } from './metrics.ts'
import { openDiaryDatabase } from './migrations.ts'
import { searchRoutes } from './search/routes.ts'
import { createSearchStore } from './search/store.ts'

export const diaryProcess: ProcessOptions<DiaryConfig> = {
  name: 'diary',
  settings,
  port: (config) => config.DIARY_PORT,
  openDatabase: openDiaryDatabase,
  build: buildDiary,
}

/** The diary on an open database; it never listens. */
export function buildDiary(config: DiaryConfig, deps: Deps): Built {
  const db = deps.database as Database
  const writes = createWrites(db, config, {
    health: deps.health,
    onDiskFailure: (error) => {
      deps.logger.fatal({ err: error }, 'the disk failed; what it holds is read anew at the next start')
      process.exit(EXIT.diskFailure)
    },
  })
  const entries = createEntryStore(db)
  const images = createImageStore(db)
  const numbers = registerDiaryMetrics(deps.metrics.registry, writes.pending)
  const files = createImageFiles(config.DATA_DIR, numbers.imageStored)
  const parts = { entries, images, files, writes, config }

  const app = createServer({
    config,
    ...deps,
    identify: (request) =>
      identifyCaller(request, { service: 'diary', access: config.ACCESS, secret: config.INTERNAL_SECRET }),
  })
  app.decorateRequest('embedded', undefined)
  serveOpenApi(app, 'Diary', 'One entry a day, with its mood, weather, tags and images')
  void app.register(healthRoute(deps.health))
  void app.register(searchRoutes(createSearchStore(db), entrySchemas(config)))
  void app.register(entryRoutes(parts))
  void app.register(imageRoutes(parts))

  const sweep = scheduleSweep(files, images.inFolder, deps.logger, config.DRAIN_TIMEOUT_MS)
  return {
    app,
    async close() {
      writes.stop()
      await sweep.stop()
    },
  }
}
