import { parseArgs } from 'node:util'
import { addressOf } from '../send/address.ts'

export const FORMATS = ['qc', 'junit', 'sarif', 'policyreport'] as const
export type Format = (typeof FORMATS)[number]

/** What the caller has to do differently. */
export class UsageError extends Error {}

export interface SendOptions {
  command: 'send' | 'flush'
  files: string[]
  format: Format
  url: string
  tenant: string | undefined
  labels: Record<string, string>
  policyVersion: string | undefined
  root: string
  queue: string | undefined
  waitMs: number
  isDryRun: boolean
}

const WAIT_S = 60
const WAIT_MAX_S = 86_400
const DEFAULT_URL = 'http://127.0.0.1:5000'

export const USAGE = `Usage: npm run report -- send FILE... | -   [options]
       npm run report -- flush --queue DIR   [options]

Sends quality reports to the collector. - is the standard input.

  --format F           ${FORMATS.join(', ')} (default qc: JSON of one report or an array, or one report a line)
  --url URL            gateway or collector (default NAJIMBAN_URL, else ${DEFAULT_URL})
  --tenant NAME        whose reports these are (default NAJIMBAN_TENANT); a key that begins with njm_ needs none
  --label NAME=VALUE   label of every report, may be repeated
  --policy-version V   policy version of what is converted
  --root DIR           folder that file names are made relative to (default the working directory)
  --queue DIR          reports that cannot be sent now wait there, and what waits there is sent, too
  --wait S             goes on trying for so many seconds while there is no answer (default ${WAIT_S})
  --dry-run            prints what would be sent, one report a line, and sends nothing

The key comes from NAJIMBAN_KEY, or is the tenant's in API_KEYS; never from the command line, which others can see.
With neither, a collector on this machine gets the key of a fresh start (default:collector-key).
Exit code: 0 all stored, 1 some rejected or not readable, 2 the collector cannot be reached, 64 wrong usage, 77 the key
was refused.
`

const OPTIONS = {
  format: { type: 'string', default: 'qc' },
  url: { type: 'string' },
  tenant: { type: 'string' },
  label: { type: 'string', multiple: true, default: [] as string[] },
  'policy-version': { type: 'string' },
  root: { type: 'string' },
  queue: { type: 'string' },
  wait: { type: 'string', default: String(WAIT_S) },
  'dry-run': { type: 'boolean', default: false },
  help: { type: 'boolean', default: false },
} as const

function parsed(args: readonly string[]) {
  if (args.some((arg) => /^--(api-)?key(=|$)/.test(arg))) {
    throw new UsageError('the key is read from NAJIMBAN_KEY or API_KEYS, never from the command line')
  }
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true })
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

function labelsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      if (at < 1) throw new UsageError(`--label must be NAME=VALUE, not ${pair}`)
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
}

function secondsOf(text: string): number {
  const seconds = /^\d{1,6}$/.test(text) ? Number(text) : NaN
  if (!(seconds <= WAIT_MAX_S)) throw new UsageError(`--wait must be 0 to ${WAIT_MAX_S} seconds, not ${text}`)
  return seconds
}

function urlOf(address: string): string {
  try {
    return addressOf(address)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}

/** What the command line asks for; undefined when it asks for help. @throws UsageError */
export function readArgs(args: readonly string[], env: NodeJS.ProcessEnv): SendOptions | undefined {
  const { values, positionals } = parsed(args)
  if (values.help) return undefined
  const [command, ...files] = positionals
  if (command !== 'send' && command !== 'flush') throw new UsageError('say what to do: send or flush')
  if (command === 'send' && files.length === 0)
    throw new UsageError('say what to send: a file, or - for standard input')
  if (command === 'flush' && files.length > 0) throw new UsageError('flush takes no files')
  if (command === 'flush' && values.queue === undefined) throw new UsageError('flush needs --queue DIR')
  const format = FORMATS.find((each) => each === values.format)
  if (format === undefined) throw new UsageError(`--format must be one of ${FORMATS.join(', ')}, not ${values.format}`)
  return {
    command,
    files,
    format,
    url: urlOf(values.url ?? (env.NAJIMBAN_URL || DEFAULT_URL)),
    tenant: values.tenant ?? (env.NAJIMBAN_TENANT || undefined),
    labels: labelsOf(values.label),
    policyVersion: values['policy-version'],
    root: values.root ?? process.cwd(),
    queue: values.queue,
    waitMs: secondsOf(values.wait) * 1000,
    isDryRun: values['dry-run'],
  }
}
