export type Verdict = 'pass' | 'warn' | 'block'
export type Severity = 'info' | 'warn' | 'block'
export type StatusValue = 'pass' | 'warn' | 'fail' | 'na'

export interface Evaluation {
  rule_id: string
  target?: string
  verdict: Verdict
  severity: Severity
  message?: string
  /** Where in the target; not part of what makes a finding the same one. */
  line?: number
}

/** The short form that older senders use. */
export interface ShortEvaluation {
  rule: string
  result: string
  severity: Severity
}

export interface DiffItem {
  id: string
  trend?: 'up' | 'down' | 'flat'
  deltaPct?: number | null
}

/** A quality report as the collector takes it. Only `status` is needed; members that are not listed are kept as they are. */
export interface QcReport {
  /** `api`, `jwks`, `holidays`, `observability`, `ics`, `lighthouse`, or a name of your own. */
  status: Record<string, unknown>
  diff?: { summary?: DiffItem[]; [member: string]: unknown } | null
  policy?: {
    policy_version?: string | number
    created_at?: string | number
    evaluations?: (Evaluation | ShortEvaluation)[]
    [member: string]: unknown
  } | null
  topN?: unknown
  notes?: string[]
  /** Short names by which the report can be found, when the collector allows them. */
  labels?: Record<string, string | number | boolean>
  raw?: unknown
  /** A page that goes into the bundle beside the report. */
  markdown?: string | null
  [member: string]: unknown
}

/** Lone surrogates, as a cut through an emoji leaves them: with the `u` flag a pair is one character and does not match. */
const LONE_SURROGATES = /[\ud800-\udfff]/gu

/** Text without lone surrogates: the collector refuses those, for they are no Unicode text. */
export const wellFormed = (text: string): string => text.replace(LONE_SURROGATES, '\ufffd')

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * The text that is sent, made once: a retry must be the same to the byte.
 * @throws TypeError saying why the report cannot be sent (no status, circular, a BigInt)
 */
export function textOfReport(report: QcReport): string {
  const text = JSON.stringify(report, (_, value: unknown) =>
    typeof value === 'string' ? wellFormed(value) : value,
  ) as string | undefined
  if (text === undefined || !isObject(report)) throw new TypeError('a report must be an object')
  if (!isObject(report.status)) throw new TypeError('a report must have an object `status`')
  return text
}
