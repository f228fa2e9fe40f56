import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Test } from 'tap'
import { readConfig } from '#shared/config.ts'
import { createLogger } from '#shared/logger.ts'
import { settings } from '../../config.ts'
import { openCollectorDatabase } from '../../migrations.ts'
import { createWriter } from '../queue.ts'
import { startWriterThread } from '../thread.ts'

const WORKER = new URL('../worker.ts', import.meta.url).href

/**
 * The code of a writer's thread before which something else happens.
 * @param folder of the test
 * @param before JavaScript; it has the thread's `parentPort` and functions of files
 */
export function entryAfter(folder: string, before: string): URL {
  const entry = path.join(folder, 'entry.ts')
  writeFileSync(
    entry,
    `import { existsSync, readFileSync, writeFileSync } from 'node:fs'
     import { parentPort } from 'node:worker_threads'
     ${before}
     await import(${JSON.stringify(WORKER)})`,
  )
  return pathToFileURL(entry)
}

/** A queue in front of a writer's thread on a database of its own. @param entry code of the thread, if it is another */
export async function writing(t: Test, env: Record<string, string> = {}, entry?: URL) {
  const config = readConfig(settings, {
    NODE_ENV: 'test',
    LOG_LEVEL: 'fatal',
    DATA_DIR: env.DATA_DIR ?? t.testdir({}),
    ...env,
  })
  const database = openCollectorDatabase(config)
  let usable = true
  const logger = createLogger('collector', config)
  const backend = await startWriterThread({ config, logger, ...(entry === undefined ? {} : { entry }) })
  const writer = createWriter({ config, health: { isDatabaseUsable: () => usable }, backend })
  t.teardown(async () => {
    await writer.stop()
    database.close()
  })
  const count = () => database.prepare('SELECT count(*) FROM reports').pluck().get()
  return { config, logger, writer, database, count, setUsable: (now: boolean) => (usable = now) }
}
