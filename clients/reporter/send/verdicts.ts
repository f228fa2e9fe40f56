/** One thing that is wrong with a report. */
export interface ReportError {
  message: string
  field?: string
  in?: string
}

/** What the collector says about one report. */
export type ReportVerdict =
  | { status: 'stored' | 'duplicate'; id?: string }
  /** Taken in, but it does not fit its schema. */
  | { status: 'quarantined'; id?: string; errors: ReportError[] }
  | { status: 'rejected'; errors: ReportError[]; retryable: boolean }

export interface IndexedVerdict {
  index: number
  verdict: ReportVerdict
}

type Members = Record<string, unknown>

const TAKEN = ['stored', 'duplicate', 'quarantined'] as const

const isObject = (value: unknown): value is Members => typeof value === 'object' && value !== null

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return undefined
  }
}

function errorsOf(errors: unknown): ReportError[] {
  if (!Array.isArray(errors)) return []
  return errors.map((error: unknown) => {
    if (!isObject(error)) return { message: String(error) }
    const { message, field, in: where } = error
    return {
      message: typeof message === 'string' ? message : JSON.stringify(error),
      ...(typeof field === 'string' ? { field } : {}),
      ...(typeof where === 'string' ? { in: where } : {}),
    }
  })
}

function verdictOf({ status, id, errors, retryable }: Members): ReportVerdict | undefined {
  const named = typeof id === 'string' ? { id } : {}
  if (status === 'stored' || status === 'duplicate') return { status, ...named }
  if (status === 'quarantined') return { status, ...named, errors: errorsOf(errors) }
  return status === 'rejected' ? { status, errors: errorsOf(errors), retryable: retryable === true } : undefined
}

/**
 * The answer to a single report. Undefined when it is not the collector's, like the page that a hotel's network shows
 * with a 200: then the report has not arrived.
 * @param isReplayed the answer is that of an earlier request
 */
export function singleVerdict(text: string, isReplayed = false): ReportVerdict | undefined {
  const answer = parsed(text)
  if (!isObject(answer) || typeof answer.id !== 'string') return undefined
  const { id, status } = answer
  if (TAKEN.some((taken) => taken === status) && !(isReplayed && status === 'stored')) return verdictOf(answer)
  return { status: isReplayed ? 'duplicate' : 'stored', id }
}

/** The verdicts may come as an array, as an array within an object, or one a line. */
function listOf(text: string): unknown[] {
  const whole = parsed(text)
  if (Array.isArray(whole)) return whole
  if (isObject(whole) && whole.index === undefined) {
    return Object.values(whole).find((value): value is unknown[] => Array.isArray(value)) ?? []
  }
  return text.split('\n').map(parsed)
}

/** The verdicts of a batch of `count`, each index once. What is no verdict is left out, and so counts as not answered. */
export function batchVerdicts(text: string, count: number): IndexedVerdict[] {
  const verdicts = new Map<number, ReportVerdict>()
  for (const item of listOf(text)) {
    if (!isObject(item)) continue
    const { index } = item
    const verdict = verdictOf(item)
    if (verdict === undefined || typeof index !== 'number' || !Number.isInteger(index)) continue
    if (index >= 0 && index < count && !verdicts.has(index)) verdicts.set(index, verdict)
  }
  return [...verdicts].map(([index, verdict]) => ({ index, verdict }))
}

/** What a problem document (RFC 9457) or any other refusal says, for a person. */
export function refusalErrors(status: number, text: string): ReportError[] {
  const problem = parsed(text)
  if (!isObject(problem)) return [{ message: `HTTP ${status}` }]
  const errors = errorsOf(problem.errors)
  if (errors.length > 0) return errors
  const said = [problem.detail, problem.message, problem.error, problem.title].find((each) => typeof each === 'string')
  return [{ message: said === undefined ? `HTTP ${status}` : `${said as string} (HTTP ${status})` }]
}
