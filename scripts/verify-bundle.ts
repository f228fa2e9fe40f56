import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { commonSettings, ConfigError, readConfig, toolEnv, type CommonConfig } from '#shared/config.ts'
import { keysIn, keysOfDatabase } from '../services/collector/exports/verify/keys.ts'
import { verifyBundle, type Verification } from '../services/collector/exports/verify/verify.ts'
import { postgresSettings, type PostgresConfig } from '../services/collector/postgres/settings.ts'

const USAGE = `Usage: npm run verify-bundle -- FILE [--key FILE] [--json]

  FILE    a bundle.zip of one report, or a zip that GET /export made of many
  --key   public keys to verify the signature with: PEM or JWKS, as GET /bundle-keys gives them.
          Without it those in the collector's database in DATA_DIR (collector.db).
          A collector on PostgreSQL (COLLECTOR_DATABASE_URL) has them elsewhere: --key is needed then
  --json  says it in JSON

Needs no service and no network. Exit codes: 0 the bundle is as the collector made it, 1 it is not, 2 it could not be checked.`

const EXIT = { good: 0, bad: 1, unchecked: 2 } as const

function fail(reason: string): never {
  console.error(reason)
  process.exit(EXIT.unchecked)
}

function optionsOrUsage() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: {
        key: { type: 'string' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    return fail(`${(error as Error).message}\n${USAGE}`)
  }
}

/** The collector's own file. One that is still there after a move to PostgreSQL has keys that may be withdrawn by now. */
function ownFileOrFail(): string {
  try {
    const config = readConfig<CommonConfig & PostgresConfig>(
      { ...commonSettings, ...postgresSettings },
      toolEnv(process.env),
    )
    if (config.COLLECTOR_DATABASE_URL === undefined) return path.join(config.DATA_DIR, 'collector.db')
  } catch (error) {
    if (error instanceof ConfigError) return fail(error.message)
    throw error
  }
  return fail(
    'COLLECTOR_DATABASE_URL is set: the keys are in PostgreSQL, and --key is needed. Those of today: ' +
      'curl http://COLLECTOR/bundle-keys > keys.json, then --key keys.json',
  )
}

function keysOrFail(file: string | undefined) {
  const source = file ?? ownFileOrFail()
  try {
    return file === undefined ? keysOfDatabase(source) : keysIn(readFileSync(source, 'utf8'))
  } catch (error) {
    const hint = file === undefined ? '; give --key, or set DATA_DIR to the folder of the collector' : ''
    return fail(`no public key in ${source}: ${(error as Error).message}${hint}`)
  }
}

/** Names and texts of a file that somebody sent, on a terminal. */
// eslint-disable-next-line no-control-regex
const shown = (text: string): string => text.replaceAll(/[\0-\x1f\x7f-\x9f]/g, '\ufffd')

function report(file: string, { faults, count, files, keyId, tenantId, reportId, reports }: Verification): string {
  if (faults.length > 0) {
    return [`${file}: NOT as the collector made it`, ...faults.map((fault) => `  - ${shown(fault)}`)].join('\n')
  }
  const what =
    reportId === undefined
      ? `an export of ${reports} ${reports === 1 ? 'report' : 'reports'}`
      : `the bundle of ${reportId}`
  return [
    `${file}: good`,
    `  ${shown(what)}, tenant ${shown(tenantId ?? '')}`,
    `  ${count} files, each as listed in checksums.txt, and none besides`,
    ...files.map(({ name, size }) => `    ${name}  ${size} bytes`),
    `  signed with the key ${shown(keyId ?? '')}`,
  ].join('\n')
}

const { values, positionals } = optionsOrUsage()
if (values.help) {
  console.log(USAGE)
  process.exit(EXIT.good)
}
const [file] = positionals
if (file === undefined || positionals.length > 1) fail(USAGE)

const keys = keysOrFail(values.key)
let verification: Verification
try {
  verification = verifyBundle(file, keys)
} catch (error) {
  fail(`${file} could not be read: ${(error as Error).message}`)
}
const isGood = verification.faults.length === 0
console.log(
  values.json ? JSON.stringify({ file, valid: isGood, ...verification }, null, 2) : report(file, verification),
)
process.exitCode = isGood ? EXIT.good : EXIT.bad
