import { globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { startPostgres, type PostgresServer } from '../test/postgres-server.ts'

/**
 * Every test file of the collector that starts one, once more on PostgreSQL, each test on a database of its own. Words after the file's
 * name choose files: `node services/collector/postgres/suite.test.ts findings`.
 */
const ROOT = path.join(import.meta.dirname, '..')
const PART = path.join(ROOT, 'test', 'suite-part.ts')
/** Processes that share the files. */
const JOBS = 2
const LONGEST_MS = 1_200_000

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
  // What is long begins first, so that nothing long is left for the end.
  .sort((a, b) => statSync(path.join(ROOT, b)).size - statSync(path.join(ROOT, a)).size)

let server: PostgresServer | undefined
let reason: string | undefined
if (process.env.TEST_DATABASE_URL === undefined) {
  server = await startPostgres().catch((error: unknown) => {
    reason = `no PostgreSQL can be started here: ${(error as Error).message}`
    return undefined
  })
}

t.setTimeout(LONGEST_MS)
t.test('the collector passes its tests on PostgreSQL', { skip: reason ?? false, timeout: LONGEST_MS }, async (t) => {
  t.teardown(() => server?.stop())
  t.ok(files.length > 0, 'there are test files')
  t.jobs = JOBS
  const claims = t.testdir()
  const env = {
    ...process.env,
    COLLECTOR_TEST_ENGINE: 'postgres',
    TAP_TIMEOUT: String(LONGEST_MS / 1000),
    SUITE_CLAIMS: claims,
    SUITE_FILES: files.join('\n'),
    TEST_DATABASE_URL: process.env.TEST_DATABASE_URL ?? (server as PostgresServer).url,
  }
  const run = (_: unknown, part: number) =>
    t.spawn(process.execPath, [PART, String(part)], { env, buffered: true, timeout: LONGEST_MS }, `part ${part}`)
  const parts = (await Promise.all(Array.from({ length: JOBS }, run))) as (Ran | null)[]
  t.equal(readdirSync(claims).length, files.length, 'all of them were run')
  t.ok(
    parts.some((part) => part !== null && part.count > part.skip),
    'not all of them are about the SQLite file alone',
  )
})

interface Ran {
  count: number
  skip: number
}
