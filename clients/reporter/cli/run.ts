import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import type { Readable, Writable } from 'node:stream'
import { once } from 'node:events'
import type { ConvertOptions } from '../convert/report-of.ts'
import { textOfReport, type QcReport } from '../report.ts'
import type { Trouble } from '../send/trouble.ts'
import { accessOf } from './access.ts'
import { readArgs, USAGE, UsageError, type SendOptions } from './args.ts'
import { createDelivery, type Delivery } from './delivery.ts'
import { readItems } from './read.ts'
import { textPieces } from './text.ts'

/** Codes of sysexits.h where there is one: EX_USAGE, EX_NOPERM. */
export const EXIT = { stored: 0, rejected: 1, unreachable: 2, usage: 64, refused: 77 } as const

export interface Terminal {
  stdin: Readable
  stdout: Writable
  stderr: Writable
  env: NodeJS.ProcessEnv
  signal: AbortSignal
}

interface Placed {
  place: string
  report?: unknown
  fault?: string
}

async function openFile(file: string, stdin: Readable): Promise<Readable> {
  if (file === '-') return stdin
  const found = await stat(file).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`${file} cannot be read: ${error.code === 'ENOENT' ? 'there is no such file' : error.message}`)
  })
  if (found.isDirectory()) throw new UsageError(`${file} is a folder`)
  return createReadStream(file)
}

const withLabels = (report: unknown, labels: Record<string, string>): unknown =>
  Object.keys(labels).length === 0 || typeof report !== 'object' || report === null
    ? report
    : { ...report, labels: { ...(report as QcReport).labels, ...labels } }

async function* placedReports(options: SendOptions, stdin: Readable): AsyncGenerator<Placed> {
  const { files, format, root, labels, policyVersion } = options
  const convert: ConvertOptions = { root, ...(policyVersion === undefined ? {} : { policyVersion }) }
  for (const file of files) {
    const name = file === '-' ? 'standard input' : file
    let isEmpty = true
    for await (const item of readItems(format, textPieces(await openFile(file, stdin)), convert)) {
      isEmpty = false
      const place = `${name}:${item.line}`
      yield 'fault' in item ? { place, fault: item.fault } : { place, report: withLabels(item.report, labels) }
    }
    if (isEmpty) yield { place: `${name}:1`, fault: 'it is empty' }
  }
}

function textOrFault(report: unknown): { text: string } | { fault: string } {
  try {
    return { text: textOfReport(report as QcReport) }
  } catch (error) {
    return { fault: (error as Error).message }
  }
}

async function dryRun(options: SendOptions, { stdin, stdout, stderr, signal }: Terminal): Promise<number> {
  let faults = 0
  for await (const { place, report, fault } of placedReports(options, stdin)) {
    if (signal.aborted || stdout.destroyed) break
    const made = fault === undefined ? textOrFault(report) : { fault }
    if ('text' in made) {
      if (!stdout.write(`${made.text}\n`)) await once(stdout, 'drain')
    } else {
      faults++
      stderr.write(`${place}: ${made.fault}\n`)
    }
  }
  return faults === 0 ? EXIT.stored : EXIT.rejected
}

/** Without a status it was a key that no request can be made with; a wrong address is a collector that is not there. */
const isOfTheKey = ({ kind, status }: Trouble): boolean =>
  kind === 'refused' && (status === undefined || status === 401 || status === 403)

function conclude(delivery: Delivery, faults: number, options: SendOptions, { stdout, stderr }: Terminal): number {
  const { tally } = delivery
  const rejected = tally.rejected + tally.dropped + faults
  const parts = [
    `${tally.stored} stored`,
    ...(tally.duplicate > 0 ? [`${tally.duplicate} already there`] : []),
    ...(tally.quarantined > 0 ? [`${tally.quarantined} stored in quarantine`] : []),
    ...(rejected > 0 ? [`${rejected} rejected`] : []),
  ]
  const trouble = delivery.trouble()
  if (trouble === undefined) {
    stdout.write(`${parts.join(', ')}\n`)
    return rejected === 0 ? EXIT.stored : EXIT.rejected
  }
  const rest = options.queue === undefined ? 'not sent' : `waiting in ${options.queue}`
  stdout.write(`${[...parts, `${delivery.waiting()} ${rest}`].join(', ')}\n`)
  const isOfKey = isOfTheKey(trouble)
  const advice = isOfKey ? 'the key was refused, see NAJIMBAN_KEY, API_KEYS and --tenant: ' : ''
  stderr.write(`${options.url}: ${advice}${trouble.message}\n`)
  return isOfKey ? EXIT.refused : EXIT.unreachable
}

async function send(options: SendOptions, terminal: Terminal): Promise<number> {
  const { stdin, stderr, env, signal } = terminal
  const say = (line: string) => void stderr.write(`${line}\n`)
  const delivery = createDelivery(options, accessOf(env, options.tenant, options.url), { say, signal })
  let faults = 0
  try {
    for await (const { place, report, fault } of placedReports(options, stdin)) {
      if (!delivery.goesOn()) {
        say(`${place}: stopped here, nothing from here on is sent`)
        break
      }
      if (fault === undefined) await delivery.add(report, place)
      else {
        faults++
        say(`${place}: ${fault}`)
      }
    }
    if (delivery.trouble() === undefined) await delivery.deliver()
  } finally {
    delivery.close()
  }
  return conclude(delivery, faults, options, terminal)
}

/** Runs the command line; gives back the exit code. */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const options = readArgs(args, terminal.env)
    if (options === undefined) {
      terminal.stdout.write(USAGE)
      return EXIT.stored
    }
    return await (options.isDryRun ? dryRun : send)(options, terminal)
  } catch (error) {
    // A file that may not be read has a code of the system's; what is left is a bug and ought to look like one.
    const isSystem = typeof (error as NodeJS.ErrnoException).syscall === 'string'
    if (!isSystem && !(error instanceof UsageError)) throw error
    terminal.stderr.write(`report: ${(error as Error).message}\n`)
    return EXIT.usage
  }
}
