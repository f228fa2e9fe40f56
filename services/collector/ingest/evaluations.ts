import { composed } from './composed.ts'
import { OF_VERDICT, RANK, type Severity } from './severity.ts'

export type Verdict = 'pass' | 'warn' | 'block'

/** One evaluation, whichever form it came in. */
export interface Evaluation {
  rule: string
  /** '' when it names none. */
  target: string
  verdict: Verdict
  severity: Severity
  message: string
}

const TEXT_MAX_LENGTH = 1000

/** Other words for a verdict, as senders of the short form write them. */
const VERDICTS = new Map<unknown, Verdict>([
  ['pass', 'pass'],
  ['passed', 'pass'],
  ['ok', 'pass'],
  ['warn', 'warn'],
  ['warning', 'warn'],
  ['block', 'block'],
  ['fail', 'block'],
  ['failed', 'block'],
  ['error', 'block'],
])
const VERDICT_OF: Record<Severity, Verdict> = { info: 'pass', warn: 'warn', block: 'block' }

function textOf(value: unknown): string {
  const isWord = typeof value === 'number' || typeof value === 'boolean'
  return composed(typeof value === 'string' ? value : isWord ? String(value) : '', TEXT_MAX_LENGTH)
}

/**
 * The two forms of an evaluation, `{rule_id, target, verdict, severity, message}` and `{rule, result, severity}`, as one.
 * A verdict that is not said follows from `result` when that is a verdict, or else from the severity. Undefined for what
 * names no rule or cannot be judged.
 */
export function normalisedEvaluation(value: unknown): Evaluation | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const given = value as Record<string, unknown>
  const rule = textOf(given.rule_id ?? given.rule)
  const said = OF_VERDICT.has(given.verdict) ? (given.verdict as Verdict) : VERDICTS.get(given.result)
  const known = RANK.has(given.severity) ? (given.severity as Severity) : OF_VERDICT.get(said)
  const verdict = said ?? (known === undefined ? undefined : VERDICT_OF[known])
  if (rule === '' || verdict === undefined || known === undefined) return undefined
  return {
    rule,
    target: textOf(given.target),
    verdict,
    severity: known,
    message: textOf(given.message ?? given.result),
  }
}

/** The evaluations of a report's `policy`, those that can be judged. */
export function evaluationsOf(policy: unknown): Evaluation[] {
  const list = typeof policy === 'object' && policy !== null ? (policy as { evaluations?: unknown }).evaluations : []
  return Array.isArray(list) ? list.map(normalisedEvaluation).filter((one) => one !== undefined) : []
}
