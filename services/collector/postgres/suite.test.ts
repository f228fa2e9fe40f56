import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { startPostgres, type PostgresServer } from '../test/postgres-server.ts'

/**
 * Every test file of the collector that starts one, once more on PostgreSQL, each test on a database of its own. Words after the file's
 * name choose files: `node services/collector/postgres/suite.test.ts findings`.
 */
const ROOT = path.join(import.meta.dirname, '..')
/** Files that are run at once. */
const JOBS = 2
const FIVE_MINUTES_MS = 300_000

const words = process.argv.slice(2).filter((word) => !word.startsWith('-'))
/** By itself, or by what sets it up. */
const startsCollector = (file: string): boolean =>
  file === path.join('test', 'collector.ts') ||
  readFileSync(path.join(ROOT, file), 'utf8')
    .matchAll(/from '((?:\.\.?\/)+test\/[\w-]+\.ts)'/g)
    .some(([, imported]) => startsCollector(path.join(path.dirname(file), imported as string)))
const files = globSync('**/*.test.ts', { cwd: ROOT })
  // Those are about PostgreSQL and start it themselves.
  .filter((file) => !file.startsWith('postgres'))
  .filter((file) => words.length === 0 || words.some((word) => file.includes(word)))
  .filter(startsCollector)
  .sort()

let server: PostgresServer | undefined
let reason: string | undefined
if (process.env.TEST_DATABASE_URL === undefined) {
  server = await startPostgres().catch((error: unknown) => {
    reason = `no PostgreSQL can be started here: ${(error as Error).message}`
    return undefined
  })
}

t.setTimeout(4 * FIVE_MINUTES_MS)
t.test(
  'the collector passes its tests on PostgreSQL',
  { skip: reason ?? false, timeout: 4 * FIVE_MINUTES_MS },
  async (t) => {
    t.teardown(() => server?.stop())
    t.ok(files.length > 0, 'there are test files')
    t.jobs = JOBS
    const env = {
      ...process.env,
      COLLECTOR_TEST_ENGINE: 'postgres',
      // A file that is run by itself has 30 seconds else.
      TAP_TIMEOUT: String(FIVE_MINUTES_MS / 1000),
      TEST_DATABASE_URL: process.env.TEST_DATABASE_URL ?? (server as PostgresServer).url,
    }
    const run = (file: string) =>
      t.spawn(process.execPath, [path.join(ROOT, file)], { env, buffered: true, timeout: FIVE_MINUTES_MS }, file)
    const done = await Promise.all(files.map(async (file) => ({ file, results: (await run(file)) as Ran | null })))
    const idle = done.filter(({ results }) => results === null || results.count === results.skip)
    t.comment(`${done.length} files`)
    const own = idle.map(({ file }) => file)
    t.ok(done.length > own.length, 'not all of them are about the SQLite file alone')
    for (const file of own) t.comment(`${file} is about the SQLite file`)
  },
)

interface Ran {
  count: number
  skip: number
}
