import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Severity } from '../ingest/severity.ts'
import { SEVERITY_ORDER } from '../reports/list.ts'

/** Findings that are looked at for the numbers; a tenant that has more is told that these are not all. */
export const FINDINGS_MAX = 10_000
const TARGETS = 10

export interface TargetCounts extends Record<Severity, number> {
  target: string
}

/** What findings a tenant has. */
export interface FindingNumbers {
  open: Record<Severity, number>
  flaky: number
  muted: number
  /** With the most open findings, the worst first. */
  targets: TargetCounts[]
  /** There are more than FINDINGS_MAX, and only so many, of those seen last, are in the numbers. */
  partial: boolean
}

export interface ReportNumbers {
  bySeverity: Record<Severity | 'none', number>
  byState: { stored: number; quarantined: number }
}

export type StatsStore = ReturnType<typeof createStatsStore>

export type CountRow = { quarantined: number; severity: Severity | 'none'; reports: number }
export type OpenRow = { target: string; severity: Severity; findings: number }

export function reportNumbers(rows: readonly CountRow[]): ReportNumbers {
  const bySeverity = Object.fromEntries(SEVERITY_ORDER.map((severity) => [severity, 0])) as ReportNumbers['bySeverity']
  const byState = { stored: 0, quarantined: 0 }
  for (const { quarantined, severity, reports } of rows) {
    bySeverity[severity] += reports
    byState[quarantined === 1 ? 'quarantined' : 'stored'] += reports
  }
  return { bySeverity, byState }
}

/** Open findings by severity, and the targets that have most of them. */
export function openNumbers(rows: readonly OpenRow[]): Pick<FindingNumbers, 'open' | 'targets'> {
  const open = { info: 0, warn: 0, block: 0 }
  const targets = new Map<string, TargetCounts>()
  for (const { target, severity, findings } of rows) {
    open[severity] += findings
    const counts = targets.get(target) ?? { target, info: 0, warn: 0, block: 0 }
    targets.set(target, counts)
    counts[severity] += findings
  }
  targets.delete('')
  const worst = [...targets.values()].sort(
    (one, other) =>
      other.block - one.block || other.warn - one.warn || other.info - one.info || (one.target < other.target ? -1 : 1),
  )
  return { open, targets: worst.slice(0, TARGETS) }
}

export function createStatsStore(db: Database, flakyChanges: number) {
  const counts = db.prepare<[string], CountRow>(
    'SELECT quarantined, severity, reports FROM report_counts WHERE tenantId = ?',
  )
  const recent = `(SELECT * FROM findings WHERE tenantId = ? ORDER BY lastSeen DESC, fingerprint DESC LIMIT ${FINDINGS_MAX})`
  const open = db.prepare<[string], OpenRow>(
    `SELECT target, severity, count(*) AS findings FROM ${recent} WHERE state <> 'resolved' GROUP BY target, severity`,
  )
  const others = db.prepare<[number, number, string], { flaky: number; muted: number; findings: number }>(
    `SELECT count(*) FILTER (WHERE changes >= ?) AS flaky, count(*) FILTER (WHERE mutedUntil > ?) AS muted,
       count(*) AS findings FROM ${recent}`,
  )
  const more = db
    .prepare<[string], number>(`SELECT 1 FROM findings WHERE tenantId = ? LIMIT 1 OFFSET ${FINDINGS_MAX}`)
    .pluck()
  return {
    reports: (tenantId: Tenant): ReportNumbers => reportNumbers(counts.all(tenantId)),
    /** @param now milliseconds since 1970 */
    findings(tenantId: Tenant, now: number): FindingNumbers {
      const { flaky, muted, findings } = others.get(flakyChanges, now, tenantId) as {
        flaky: number
        muted: number
        findings: number
      }
      const partial = findings === FINDINGS_MAX && more.get(tenantId) !== undefined
      return { ...openNumbers(open.all(tenantId)), flaky, muted, partial }
    },
  }
}
