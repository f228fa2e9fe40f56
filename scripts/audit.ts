import Sqlite from 'better-sqlite3'
import { existsSync } from 'node:fs'
import path from 'node:path'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { commonSettings, ConfigError, readConfig, toolEnv, type CommonConfig, type Settings } from '#shared/config.ts'
import { hasKeys, keyringSettings, openKeyring, type KeyringConfig } from '#shared/keyring.ts'
import { entryOf } from '../services/identity/audit/routes.ts'
import { verifyAudit } from '../services/identity/audit/verify.ts'
import type { StoredRow } from '../services/identity/audit/chain.ts'

const USAGE = `Usage: npm run audit -- verify | export [--from TIME] [--to TIME]

  verify   reads the whole audit log and says whether any row was edited, deleted, added, reordered or cut off
  export   prints all rows of a span, of all tenants, oldest first, as NDJSON; TIME is ISO 8601

Reads identity.db, audit.checkpoint and the encryption keys as the service does (DATA_DIR,
ENCRYPTION_KEYS_FILE or ENCRYPTION_KEYS); the service may run meanwhile. Exit codes: 0 all is as it was written, 1 it is not, 2 it could not be read.`

const EXIT = { ok: 0, faults: 1, unreadable: 2, usage: 64 } as const

type AuditConfig = CommonConfig & KeyringConfig
const settings: Settings<AuditConfig> = { ...commonSettings, ...keyringSettings }

function fail(code: number, reason: string): never {
  console.error(reason)
  process.exit(code)
}

function optionsOrUsage() {
  try {
    return parseArgs({
      allowPositionals: true,
      options: { from: { type: 'string' }, to: { type: 'string' }, help: { type: 'boolean', default: false } },
    })
  } catch (error) {
    return fail(EXIT.usage, `${(error as Error).message}\n${USAGE}`)
  }
}

function timeOf(name: string, text: string | undefined, standard: number): number {
  const time = text === undefined ? standard : Date.parse(text)
  return Number.isNaN(time)
    ? fail(EXIT.usage, `--${name} must be a time such as 2026-11-21T09:00:00Z, not ${text}`)
    : time
}

const { values, positionals } = optionsOrUsage()
if (values.help) {
  console.log(USAGE)
  process.exit(EXIT.ok)
}
const [command] = positionals
if ((command !== 'verify' && command !== 'export') || positionals.length > 1) fail(EXIT.usage, USAGE)

function configOrFail(): Readonly<AuditConfig> {
  try {
    // Reading needs no more than the folder and the keys: what else production wants is asked of the service.
    return readConfig(settings, toolEnv(process.env))
  } catch (error) {
    return fail(EXIT.unreadable, (error as Error).message)
  }
}

const config = configOrFail()
const file = path.join(config.DATA_DIR, 'identity.db')
if (!existsSync(file)) fail(EXIT.unreadable, `${file} is not there; set DATA_DIR to the folder of the databases`)

// Whoever reads the rows has seen enough (head).
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.unreadable)
})

try {
  const db = new Sqlite(file, { readonly: true })
  if (command === 'verify') {
    // The service's own keys, or none: keys made here would make every log look forged, and stay in the folder.
    if (!hasKeys(config)) {
      fail(EXIT.unreadable, 'no encryption key: set ENCRYPTION_KEYS_FILE (or ENCRYPTION_KEYS) as the service has it')
    }
    const { rows, first, last, faults, contradictions } = verifyAudit(db, config.DATA_DIR, openKeyring(config))
    const span = rows === 0 ? '' : ` (${first} to ${last})`
    if (faults.length === 0) console.log(`The audit log is as it was written: ${rows} rows${span}.`)
    else
      console.error(
        `The audit log is NOT as it was written: ${rows} rows${span}.\n${faults.map((text) => `- ${text}`).join('\n')}`,
      )
    for (const seq of contradictions) {
      console.error(`Row ${seq} says that the log was found to be another one than before; see docs/operations.md.`)
    }
    process.exitCode = faults.length === 0 ? EXIT.ok : EXIT.faults
  } else {
    const from = timeOf('from', values.from, 0)
    const to = timeOf('to', values.to, Date.now())
    const rows = db.prepare<[number, number], StoredRow>('SELECT * FROM audit WHERE time BETWEEN ? AND ? ORDER BY seq')
    for (const { hash, ...row } of rows.iterate(from, to)) {
      const line = JSON.stringify({ ...entryOf(row), hash: hash.toString('hex') })
      if (!process.stdout.write(`${line}\n`)) await once(process.stdout, 'drain')
    }
  }
} catch (error) {
  fail(EXIT.unreadable, error instanceof ConfigError ? error.message : `${file}: ${(error as Error).message}`)
}
