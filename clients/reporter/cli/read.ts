import { createJunitReader } from '../convert/junit.ts'
import { fromPolicyReport } from '../convert/policy-report.ts'
import { ConvertError, type ConvertOptions } from '../convert/report-of.ts'
import { fromSarif } from '../convert/sarif.ts'
import type { QcReport } from '../report.ts'
import type { Format } from './args.ts'
import { parseJson } from './json.ts'
import { wholeText } from './text.ts'

/** A report, or what cannot be one, and where it stands. */
export type Item = { line: number; report: unknown } | { line: number; fault: string }

/** Of one JSON document, and of one line, in characters. What has one report a line may be as long as it likes. */
const DOCUMENT_MAX = 134_217_728
const LINE_MAX = 16_777_216

type Pieces = AsyncIterable<string>

/**
 * Lines, each with its number. Only \n ends one: readline would also split at U+2028, which JSON may have within a text.
 * @throws ConvertError for one that is too long
 */
async function* linesOf(pieces: Pieces): AsyncGenerator<{ line: number; text: string }> {
  let line = 0
  let rest = ''
  for await (const piece of pieces) {
    const parts = (rest + piece).split('\n')
    rest = parts.pop() as string
    for (const text of parts) yield { line: ++line, text }
    if (rest.length > LINE_MAX) throw new ConvertError(`a line of more than ${LINE_MAX} characters`, line + 1)
  }
  if (rest !== '') yield { line: line + 1, text: rest }
}

const faultItem = ({ line, message }: { line: number; message: string }): Item => ({ line, fault: message })

function* itemsOf(value: unknown, line: number): Generator<Item> {
  if (Array.isArray(value)) for (const report of value as unknown[]) yield { line, report }
  else yield { line, report: value }
}

function* documentItems(text: string): Generator<Item> {
  const parsed = parseJson(text)
  if ('fault' in parsed) yield faultItem(parsed.fault)
  else yield* itemsOf(parsed.value, 1)
}

/** One report, an array of them, or one a line: the first line tells. */
async function* qcItems(pieces: Pieces): AsyncGenerator<Item> {
  const lines = linesOf(pieces)
  let isLines = false
  for await (const { line, text } of lines) {
    if (text.trim() === '') continue
    const parsed = parseJson(text)
    if ('value' in parsed) {
      isLines = true
      yield* itemsOf(parsed.value, line)
    } else if (isLines) yield { line, fault: parsed.fault.message }
    else {
      const rest = (async function* () {
        yield '\n'.repeat(line - 1) + text
        for await (const next of lines) yield `\n${next.text}`
      })()
      yield* documentItems(await wholeText(rest, DOCUMENT_MAX))
    }
  }
}

async function* junitItems(pieces: Pieces, options: ConvertOptions): AsyncGenerator<Item> {
  const reader = createJunitReader(options)
  for await (const piece of pieces) reader.write(piece)
  for (const report of reader.end()) yield { line: 1, report }
}

type Convert = (value: unknown, options: ConvertOptions) => QcReport[]

async function* convertedItems(pieces: Pieces, convert: Convert, options: ConvertOptions): AsyncGenerator<Item> {
  const parsed = parseJson(await wholeText(pieces, DOCUMENT_MAX))
  if ('fault' in parsed) yield faultItem(parsed.fault)
  else for (const report of convert(parsed.value, options)) yield { line: 1, report }
}

const READERS: Record<Format, (pieces: Pieces, options: ConvertOptions) => AsyncGenerator<Item>> = {
  qc: qcItems,
  junit: junitItems,
  sarif: (pieces, options) => convertedItems(pieces, fromSarif, options),
  policyreport: (pieces, options) => convertedItems(pieces, fromPolicyReport, options),
}

/** The reports in a text of that format, in order; what cannot be read is an item of its own. */
export async function* readItems(format: Format, pieces: Pieces, options: ConvertOptions): AsyncGenerator<Item> {
  try {
    yield* READERS[format](pieces, options)
  } catch (error) {
    if (!(error instanceof ConvertError || error instanceof RangeError)) throw error
    yield { line: (error as ConvertError).line ?? 1, fault: error.message }
  }
}
