import { parseArgs } from 'node:util'
import {
  commonSettings,
  DEFAULT_API_KEYS,
  NO_API_KEYS,
  readConfig,
  toolEnv,
  type CommonConfig,
  type Settings,
} from '#shared/config.ts'
import { hasKeys, keyringSettings, openKeyring, type KeyringConfig } from '#shared/keyring.ts'
import { PORTS } from '#shared/ports.ts'
import { asTenant } from '#shared/scope.ts'
import { DamagedArchive, readManifest, type Manifest } from '../services/collector/retention/archive/manifest.ts'
import { readArchive } from '../services/collector/retention/archive/read.ts'
import { createLineSigner, unsigned, type LineSigner } from '../services/collector/retention/archive/signature.ts'

const USAGE = `Usage: npm run collector:restore-archive -- FILE... [--dry-run] [--vouch] [--url URL]

  FILE       an archive of retention, ....ndjson.gz, with its manifest beside it
  --dry-run  only verifies the archives and says what is in them
  --vouch    signs what it sends with the collector's own key, whoever wrote it: for archives from before lines were signed,
             and for those whose key was taken out of ENCRYPTION_KEYS. Needs ENCRYPTION_KEYS or ENCRYPTION_KEYS_FILE, or the
             file in DATA_DIR, as the collector does. Only for archives that you know the origin of
  --url      the collector, or the gateway; else http://127.0.0.1:COLLECTOR_PORT

Every archive is verified to its last byte before the first report is sent. The collector must be running: it stores the reports
itself, as they were, and leaves those alone that are there. The key is that of COLLECTOR_KEY, or the tenant's in API_KEYS; its role
must be admin. It may be run again at any time. Exit codes: 0 all is there, 1 it is not, 64 wrong usage.`

const EXIT = { ok: 0, failed: 1, usage: 64 } as const
const PAGE_LINES = 500
/** Of one request. */
const PAGE_BYTES = 4_194_304
/** Of one archive. */
const REFUSED_SHOWN = 100
const ADMIN = 'admin'

interface Restored {
  restored: number
  duplicate: number
  refused: { index: number; id?: string; message: string }[]
}

function optionsOrUsage() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        'dry-run': { type: 'boolean', default: false },
        vouch: { type: 'boolean', default: false },
        url: { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      console.log(USAGE)
      process.exit(EXIT.ok)
    }
    if (positionals.length === 0) throw new Error('Which archives?')
    return { ...values, files: positionals }
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    return process.exit(EXIT.usage)
  }
}

const { files, url, vouch, 'dry-run': isDry } = optionsOrUsage()
const { COLLECTOR_PORT, COLLECTOR_KEY, API_KEYS = DEFAULT_API_KEYS } = process.env
const base = url ?? `http://127.0.0.1:${COLLECTOR_PORT || PORTS.collector}`

/** @throws Error that says what to set */
function keyOf(tenantId: string): string {
  if (COLLECTOR_KEY) return COLLECTOR_KEY
  const entries = (API_KEYS === NO_API_KEYS ? '' : API_KEYS).split(',').map((entry) => entry.trim().split(':'))
  const found = entries.find(([tenant, , role = ADMIN]) => tenant === tenantId && role === ADMIN)
  if (found?.[1] === undefined) throw new Error(`there is no key of an admin of ${tenantId}: set COLLECTOR_KEY`)
  return found[1]
}

/** What vouches for lines with the collector's key. @throws Error when it is not here */
function ownSigner(): Pick<LineSigner, 'signed'> {
  const settings: Settings<CommonConfig & KeyringConfig> = { ...commonSettings, ...keyringSettings }
  const config = readConfig(settings, toolEnv(process.env))
  if (!hasKeys(config)) {
    throw new Error('--vouch needs the key of the collector: set ENCRYPTION_KEYS, ENCRYPTION_KEYS_FILE or DATA_DIR')
  }
  return createLineSigner(openKeyring(config))
}

/** Lines in pieces that fit into a request. */
async function* requestsOf(
  file: string,
  manifest: Manifest,
  signer: Pick<LineSigner, 'signed'> | undefined,
): AsyncGenerator<string> {
  for await (const lines of readArchive(file, manifest, PAGE_LINES)) {
    let text = ''
    for (const line of lines) {
      text += `${signer?.signed(asTenant(manifest.tenantId), unsigned(line)) ?? line}\n`
      if (text.length < PAGE_BYTES) continue
      yield text
      text = ''
    }
    if (text !== '') yield text
  }
}

async function send(lines: string, { tenantId }: Manifest): Promise<Restored> {
  const answer = await fetch(new URL('/admin/retention/restore', base), {
    method: 'POST',
    headers: { 'x-tenant': tenantId, 'x-api-key': keyOf(tenantId), 'content-type': 'application/x-ndjson' },
    body: lines,
  }).catch((error: unknown) => {
    const { cause } = error as Error
    throw new Error(
      `${base} cannot be reached (${((cause ?? error) as Error).message}): is the collector running? See --url`,
    )
  })
  if (answer.status === 200) return (await answer.json()) as Restored
  const { detail = '' } = (await answer.json().catch(() => ({}))) as { detail?: string }
  throw new Error(`${base} answered ${answer.status} ${detail}`)
}

async function restore(file: string, manifest: Manifest, signer?: Pick<LineSigner, 'signed'>): Promise<boolean> {
  let [restored, duplicate, refused, sent] = [0, 0, 0, 0]
  for await (const lines of requestsOf(file, manifest, signer)) {
    const answer = await send(lines, manifest)
    restored += answer.restored
    duplicate += answer.duplicate
    for (const { index, id = `line ${sent + index + 1}`, message } of answer.refused) {
      if (++refused <= REFUSED_SHOWN) console.error(`${file}: ${id} was refused: ${message}`)
    }
    sent += lines.split('\n').length - 1
  }
  console.log(`${file}: ${restored} restored, ${duplicate} were there, ${refused} refused`)
  return refused === 0 && restored + duplicate === manifest.reports
}

const span = ({ oldest, newest }: Manifest) => `${new Date(oldest).toISOString()} to ${new Date(newest).toISOString()}`

async function verify(file: string): Promise<Manifest> {
  const manifest = await readManifest(file)
  for await (const lines of readArchive(file, manifest, PAGE_LINES)) void lines
  const isUnsigned = manifest.version === 1
  if (isUnsigned && !vouch && !isDry)
    throw new Error('its lines are not signed: --vouch sends them, if you know who wrote it')
  const note = isUnsigned ? ', not signed (--vouch)' : ''
  console.log(`${file}: verified, ${manifest.reports} reports of ${manifest.tenantId}, ${span(manifest)}${note}`)
  return manifest
}

let current = ''
try {
  const signer = vouch ? ownSigner() : undefined
  const verified = new Map<string, Manifest>()
  for (current of files) verified.set(current, await verify(current))
  let isWhole = true
  if (!isDry)
    for (const [file, manifest] of verified) isWhole = (await restore((current = file), manifest, signer)) && isWhole
  process.exitCode = isWhole ? EXIT.ok : EXIT.failed
} catch (error) {
  const { message, cause } = error as Error
  const why = cause instanceof Error ? `${message}: ${cause.message}` : message
  console.error(`${current}${current && ': '}${error instanceof DamagedArchive ? 'refused, ' : ''}${why}`)
  process.exitCode = EXIT.failed
}
