import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'
import { readConfig, type CommonConfig } from '../config.ts'
import type { Database } from '../database.ts'
import { createHealth } from '../health.ts'
import { createLogger } from '../logger.ts'
import { createMetrics } from '../metrics.ts'
import type { ProcessOptions } from '../start.ts'

/** A port that nothing listens on matters to nobody in tests: everything goes through `app.inject` or port 0. */
const QUIET = { NODE_ENV: 'test', LOG_LEVEL: 'fatal' }

/** Not t.testdir(): that is removed before what was started is closed, and a service writes until then. */
function ownFolder(t: Test): string {
  const folder = mkdtempSync(path.join(tmpdir(), 'najimban-test-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/**
 * A service as its main.ts builds it, on a fresh folder, closed when the test ends.
 * @param env settings that differ from the defaults
 */
export async function testService<C extends CommonConfig>(
  t: Test,
  options: Pick<ProcessOptions<C>, 'name' | 'settings' | 'openDatabase' | 'build'>,
  env: Record<string, string> = {},
) {
  const dataDir = env.DATA_DIR ?? path.join(ownFolder(t), 'data')
  const config = readConfig(options.settings, { ...QUIET, DATA_DIR: dataDir, ...env })
  const logger = createLogger(options.name, config)
  const database: Database | undefined = options.openDatabase?.(config)
  const metrics = createMetrics(options.name)
  const health = createHealth(options.name, database)
  const deps = { logger, metrics, health, ...(database === undefined ? {} : { database }) }
  const built = await options.build(config, deps)
  await built.app.ready()
  health.setReady()
  let closed = false
  const close = async () => {
    if (closed) return
    closed = true
    await built.app.close()
    await built.close?.()
    health.stop()
    database?.close()
  }
  t.teardown(close)
  return { ...built, config, database, dataDir, health, metrics, close }
}
