import type { Verdict } from '../ingest/evaluations.ts'
import type { Severity } from '../ingest/severity.ts'
import type { Sighting } from './fingerprint.ts'

/** reopened is open again after it had been resolved. */
export const FINDING_STATES = ['open', 'resolved', 'reopened'] as const
export type FindingState = (typeof FINDING_STATES)[number]

/** What is known of a finding; times are milliseconds since 1970. */
export interface Finding {
  fingerprint: string
  rule: string
  target: string
  /** As it was seen last. */
  message: string
  severity: Severity
  verdict: Verdict
  state: FindingState
  firstSeen: number
  lastSeen: number
  /** When it got its state. */
  changedAt: number
  /** Reports that spoke of it. */
  count: number
  /** How often its verdict was another than in the report before. */
  changes: number
  /** How often it was opened; 0 is one that always passed. */
  opened: number
  lastReportId: string
}

/** What happened to it. */
export const FINDING_EVENTS = ['opened', 'reopened', 'changed', 'resolved'] as const
export type FindingEvent = (typeof FINDING_EVENTS)[number]

/** The report that speaks. */
export interface Speaker {
  id: string
  createdAt: number
}

const firstOf = (sighting: Sighting, { id, createdAt }: Speaker): Finding => {
  const { fingerprint, rule, target, message, severity, verdict } = sighting
  const isOpen = verdict !== 'pass'
  return {
    ...{ fingerprint, rule, target, message, severity, verdict },
    state: isOpen ? 'open' : 'resolved',
    firstSeen: createdAt,
    lastSeen: createdAt,
    changedAt: createdAt,
    count: 1,
    changes: 0,
    opened: isOpen ? 1 : 0,
    lastReportId: id,
  }
}

export interface Folded {
  finding: Finding
  event?: FindingEvent
}

/**
 * A finding after a report that speaks of it. A report that is older than what is known (one that was in quarantine) is
 * counted, and says nothing of how it is: neither when a newer one has spoken of it, nor when a newer one has passed it over.
 */
export function seen(known: Finding | undefined, sighting: Sighting, report: Speaker): Folded {
  if (known === undefined) {
    const finding = firstOf(sighting, report)
    return finding.opened === 1 ? { finding, event: 'opened' } : { finding }
  }
  const { createdAt: at, id: lastReportId } = report
  const count = known.count + 1
  if (at < known.lastSeen) return { finding: { ...known, count, firstSeen: Math.min(known.firstSeen, at) } }
  if (at < known.changedAt) return { finding: { ...known, count, lastSeen: at, lastReportId } }
  const { message, severity, verdict } = sighting
  const finding = { ...known, message, severity, verdict, lastSeen: at, count, lastReportId }
  const [was, is] = [known.state !== 'resolved', verdict !== 'pass']
  if (was === is && verdict === known.verdict) return { finding }
  const changed = { ...finding, changes: known.changes + 1 }
  if (was && is) return { finding: changed, event: 'changed' }
  if (!is) return { finding: { ...changed, state: 'resolved', changedAt: at }, event: 'resolved' }
  const isAgain = known.opened > 0
  const opened = { ...changed, changedAt: at, opened: known.opened + 1 }
  return isAgain
    ? { finding: { ...opened, state: 'reopened' }, event: 'reopened' }
    : { finding: { ...opened, state: 'open' }, event: 'opened' }
}

/** An open finding after a report that judges the same rule at the same target and says nothing of it any more. */
export function passedOver(known: Finding, { createdAt: at }: Speaker): Folded {
  if (known.state === 'resolved' || at < known.lastSeen) return { finding: known }
  const changes = known.changes + 1
  return { finding: { ...known, state: 'resolved', verdict: 'pass', changedAt: at, changes }, event: 'resolved' }
}
