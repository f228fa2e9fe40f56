import { wellFormed, type Evaluation, type QcReport, type StatusValue } from '../report.ts'

export interface ConvertOptions {
  policyVersion?: string
  labels?: Record<string, string>
  /** A folder that is cut off the front of file names, so that they are the same on every machine. */
  root?: string
  /** Most evaluations in one report; what is more goes into further ones. */
  maxEvaluations?: number
}

export interface Findings {
  /** What the findings come from: `junit`, `sarif`, `policyreport`. */
  source: string
  /** The member of `status` that says how it went. */
  area: string
  evaluations: Evaluation[]
  /** How often each outcome came, in the words of the source. */
  counts: Record<string, number>
  tool?: string
  createdAt?: string
  policyVersion?: string
  /** More than the counts, for a person. */
  notes?: string[]
}

/** What is not the format that it was given as. */
export class ConvertError extends Error {
  /** Of the source text, from 1; absent when it is not known. */
  readonly line: number | undefined
  constructor(message: string, line?: number) {
    super(message)
    this.line = line
  }
}

/** Together with the frame below the collector's limits: 10,000 keys and array items, 1 MiB. */
const MAX_EVALUATIONS = 1000
const MAX_UNITS = 250_000
const ID_LENGTH = 255
const TARGET_LENGTH = 500
const MESSAGE_LENGTH = 1000
const FNV_OFFSET = 0x811c9dc5
const FNV_PRIME = 0x01000193

/** FNV-1a, to tell long names apart that begin alike. */
function hashOf(text: string): string {
  let hash = FNV_OFFSET
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), FNV_PRIME)
  return (hash >>> 0).toString(16).padStart(8, '0')
}

function shortened(text: string, length: number, end: string): string {
  const whole = wellFormed(text.trim())
  if (whole.length <= length) return whole
  // A cut through an emoji leaves half of it, which is cut off too.
  return whole.slice(0, length - end.length).replace(/[\ud800-\udbff]$/, '') + end
}

/**
 * Text that says which finding it is. macOS writes Hangul in file names decomposed, everybody else composed: the same file
 * has to have the same name, so it is composed (NFC).
 */
export function identity(text: string, length = ID_LENGTH): string {
  const composed = text.normalize('NFC')
  return shortened(composed, length, `…${hashOf(composed)}`)
}

/** A file's name with `/` between its folders, relative to `root` when it is in there. */
export function targetOf(name: string, root: string | undefined): string {
  const file = name.replace(/\\/g, '/')
  const folder = root === undefined ? '' : `${root.replace(/\\/g, '/').replace(/\/+$/, '')}/`
  const relative = folder.length > 1 && file.startsWith(folder) ? file.slice(folder.length) : file
  return identity(relative.replace(/^\.\//, ''), TARGET_LENGTH)
}

/** Colours of a terminal, and what becomes of them in XML, which cannot hold them. */
// eslint-disable-next-line no-control-regex
const COLOURS = /(?:\u001b|\ufffd|#x1b)\[[\d;]*m/gi
/** Text for a person. Not composed: a test may be about just that. */
export const messageText = (text: string): string => shortened(text.replace(COLOURS, ''), MESSAGE_LENGTH, '…')

const sizeOf = ({ rule_id, target = '', message = '' }: Evaluation) =>
  rule_id.length + target.length + message.length + 100

function partsOf(evaluations: Evaluation[], most: number): Evaluation[][] {
  const parts: Evaluation[][] = [[]]
  let units = 0
  for (const evaluation of evaluations) {
    const size = sizeOf(evaluation)
    if ((parts.at(-1) as Evaluation[]).length >= most || units + size > MAX_UNITS) {
      parts.push([])
      units = 0
    }
    units += size
    parts.at(-1)?.push(evaluation)
  }
  return parts
}

function statusOf(evaluations: Evaluation[]): StatusValue {
  if (evaluations.length === 0) return 'na'
  if (evaluations.some(({ severity }) => severity === 'block')) return 'fail'
  return evaluations.some(({ severity }) => severity === 'warn') ? 'warn' : 'pass'
}

/**
 * Reports of what a tool found: one, or several when there is more than one report may hold; each says which part it is.
 * The same findings give the same reports, to the byte: nothing in them is of the time or place of the conversion.
 */
export function reportsOf(found: Findings, { policyVersion, labels, maxEvaluations }: ConvertOptions): QcReport[] {
  const { source, area, evaluations, counts, tool, createdAt, notes = [] } = found
  const version = policyVersion ?? found.policyVersion
  const parts = partsOf(evaluations, maxEvaluations ?? MAX_EVALUATIONS)
  const counted = Object.entries(counts).filter(([, count]) => count > 0)
  const summary = counted.map(([name, count]) => `${count} ${name}`).join(', ')
  return parts.map((part, index) => ({
    status: { [area]: statusOf(evaluations) },
    policy: {
      ...(version === undefined ? {} : { policy_version: identity(version) }),
      ...(createdAt === undefined ? {} : { created_at: createdAt }),
      evaluations: part,
    },
    notes: [[tool ?? source, summary === '' ? 'nothing found' : summary].join(': '), ...notes].map(messageText),
    ...(labels === undefined ? {} : { labels }),
    raw: {
      source,
      ...(tool === undefined ? {} : { tool }),
      counts,
      ...(parts.length === 1 ? {} : { part: index + 1, parts: parts.length }),
    },
  }))
}
