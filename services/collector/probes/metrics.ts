import { Counter, Gauge, Registry } from 'prom-client'
import type { ItemOutcome } from '../ingest/item.ts'
import { createRetentionMetrics } from '../retention/metrics.ts'
import { REFUSAL_REASONS, type RefusalReason } from '../tenants/quota.ts'

export type CollectorMetrics = ReturnType<typeof createCollectorMetrics>

const OUTCOMES = ['stored', 'quarantined', 'duplicate', 'rejected'] as const
const SEVERITIES = ['none', 'info', 'warn', 'block'] as const

/**
 * The collector's own numbers, in a registry of their own for `GET /metrics` and in the process's for its admin listener.
 * No label names a tenant: the page is public.
 */
export function createCollectorMetrics(processRegistry: Registry, pendingWrites: () => number) {
  const registry = new Registry()
  const registers = [registry, processRegistry]
  const counter = (name: string, help: string) => new Counter({ name: `collector_${name}`, help, registers })
  const labelled = <L extends string>(name: string, help: string, label: L) =>
    new Counter({ name: `collector_${name}`, help, labelNames: [label], registers })
  const ingested = labelled('reports_ingested_total', 'Reports stored, by severity', 'severity')
  const bySeverity = new Map(SEVERITIES.map((severity) => [severity, ingested.labels(severity)]))
  const received = labelled('reports_received_total', 'Reports, by what became of them', 'outcome')
  const outcomes = new Map(OUTCOMES.map((outcome) => [outcome, received.labels(outcome)]))
  const ingestedBytes = counter('ingested_bytes_total', 'Size of the reports stored, in bytes')
  const notTaken = labelled('reports_refused_total', 'Reports not taken for their tenant, by quota or reason', 'reason')
  const findingsDropped = counter(
    'findings_dropped_total',
    'What reports say of findings beyond FINDINGS_PER_REPORT_MAX or FINDINGS_MAX',
  )
  const labelsDropped = counter('labels_dropped_total', 'Labels of stored reports that are not allowed')
  new Gauge({
    name: 'collector_writes_pending',
    help: 'Writes that wait for the disk',
    registers,
    collect() {
      this.set(pendingWrites())
    },
  })
  for (const one of outcomes.values()) one.inc(0)
  for (const one of bySeverity.values()) one.inc(0)
  for (const reason of REFUSAL_REASONS) notTaken.labels(reason).inc(0)
  return {
    registry,
    /** Counts what became of a report; the labels are hashed once, not at every report. */
    count(outcome: ItemOutcome): void {
      outcomes.get(outcome.status)?.inc()
      if (!('counted' in outcome)) return
      const { severity, bytes, labelsDropped: dropped, findingsDropped: unrecorded } = outcome.counted
      bySeverity.get(severity ?? 'none')?.inc()
      ingestedBytes.inc(bytes)
      if (dropped > 0) labelsDropped.inc(dropped)
      if (unrecorded > 0) findingsDropped.inc(unrecorded)
    },
    /** Counts what was not taken; which tenant's it was is in its usage. */
    refuse: (reason: RefusalReason, reports: number): void => notTaken.labels(reason).inc(reports),
    refusals: labelled('refusals_total', 'Requests refused for their credentials, by reason', 'reason'),
    tokensIssued: counter('sign_tokens_issued_total', 'Download links made'),
    exportsSent: labelled('exports_sent_total', 'Exports of many reports begun to be sent, by format', 'format'),
    bundlesSent: counter('bundles_sent_total', 'Bundles begun to be sent'),
    retention: createRetentionMetrics(registers),
    auditDropped: counter('audit_dropped_total', 'Audit entries lost because too many waited or the disk refused them'),
  }
}
