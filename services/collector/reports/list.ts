import type { Severity } from '../ingest/severity.ts'
import type { State } from './schema.ts'

/** none is without any. */
export type WantedSeverity = Severity | 'none'

export interface ReportFilter {
  state?: State
  severity?: WantedSeverity
  /** Whether it is on hold. */
  held?: boolean
  policy_version?: string
  /** Milliseconds since 1970, inclusive. */
  since?: number
  /** Milliseconds since 1970, inclusive. */
  until?: number
  /** `name` or `name:value`. */
  label?: string
  rule?: string
  target?: string
  /** Words that are parts of words in one text. */
  text?: string
}

/** A minus turns it round; severity is from none to block, and newest first within one. */
export const SORTS = ['createdAt', '-createdAt', 'severity', '-severity'] as const
export type Sort = (typeof SORTS)[number]

export const SEVERITY_ORDER: readonly WantedSeverity[] = ['none', 'info', 'warn', 'block']

export interface ReportItem {
  id: string
  createdAt: number
  updatedAt: number
  severity?: Severity
  policyVersion?: string
  /** Only of those that do not fit their schema. */
  state?: State
}

/** Where a page of a list begins. */
export interface PageStart {
  sort: Sort
  limit: number
  offset: number
  /** `next` of the page before it. */
  after?: readonly number[]
}

export interface Listed {
  reports: ReportItem[]
  /** Of all pages, exactly. */
  totalCount: number
  /** Place of the last one when more follow: createdAt and seq, and before them the severity when it is sorted by that. */
  next?: readonly number[]
}

export type ReportRow = Omit<ReportItem, 'severity' | 'policyVersion' | 'state'> & {
  quarantined: number
  seq: number
  severity: Severity | null
  policyVersion: string | null
}

export const itemOf = ({ id, createdAt, updatedAt, severity, policyVersion, quarantined }: ReportRow): ReportItem => ({
  id,
  createdAt,
  updatedAt,
  ...(severity === null ? {} : { severity }),
  ...(policyVersion === null ? {} : { policyVersion }),
  ...(quarantined === 0 ? {} : { state: 'quarantined' as const }),
})

/** Name and value of a label that is asked for; without a value it is any, which is the term with ''. */
export function labelOf(label: string): readonly [name: string, value: string] {
  const at = label.indexOf(':')
  return at === -1 ? [label, ''] : [label.slice(0, at), label.slice(at + 1)]
}
