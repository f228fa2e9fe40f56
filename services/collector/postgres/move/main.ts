import { ConfigError, readConfig, toolEnv } from '#shared/config.ts'
import { DatabaseRefused } from '#shared/database.ts'
import { createLogger } from '#shared/logger.ts'
import { EXIT } from '#shared/start.ts'
import { settings } from '../../config.ts'
import { move } from './move.ts'

/** npm run collector:migrate-to-postgres: from collector.db in DATA_DIR to COLLECTOR_DATABASE_URL. */
const say = (line: string) => void process.stdout.write(`${line}\n`)

try {
  const config = readConfig(settings, { LOG_LEVEL: 'error', ...toolEnv(process.env) })
  const { COLLECTOR_DATABASE_URL } = config
  if (COLLECTOR_DATABASE_URL === undefined)
    throw new ConfigError(['COLLECTOR_DATABASE_URL is missing: where to move to'])
  const logger = createLogger('collector', config)
  const differences = await move({ config: { ...config, COLLECTOR_DATABASE_URL }, logger, say })
  for (const { what, source, target } of differences) say(`DIFFERENT ${what}: ${source} here, ${target} there`)
  if (differences.length > 0) process.exitCode = EXIT.failed
  else say('everything is there, and the same; start the collector with COLLECTOR_DATABASE_URL')
} catch (error) {
  const isKnown = error instanceof DatabaseRefused || error instanceof ConfigError
  process.stderr.write(`${isKnown ? error.message : ((error as Error).stack ?? String(error))}\n`)
  process.exitCode = isKnown ? EXIT.config : EXIT.failed
}
