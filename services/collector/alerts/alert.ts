import type { Tenant } from '#shared/scope.ts'
import { hash } from 'node:crypto'
import type { Level } from './levels.ts'
import type { Rule, RuleKind } from './rules/schema.ts'

export const ALERT_STATES = ['pending', 'firing', 'resolved'] as const
export type AlertState = (typeof ALERT_STATES)[number]

/** What was measured, and what it was compared with; the texts are made of it. */
export type Facts = Record<string, number | string>

/** What a channel has been told of an alert. */
export interface Told {
  /** When the last notification about it was, or will be, sent. */
  at: number
  /** When it is told again, if it still fires and nobody has acknowledged it. */
  repeatAt: number
  acknowledged?: true
}

/** One occurrence of a rule. Times are milliseconds since 1970. */
export interface Alert {
  id: string
  fingerprint: string
  rule: string
  kind: RuleKind
  level: Level
  /** pending: it holds, and not yet for as long as the rule wants. */
  state: AlertState
  labels: Record<string, string>
  facts: Facts
  runbook: string | null
  /** Names of the only channels that hear of it. */
  channels: string[] | null
  startedAt: number
  firedAt: number | null
  /** Since when it is over, while its rule waits whether it stays so. */
  overAt: number | null
  resolvedAt: number | null
  acknowledgedAt: number | null
  acknowledgedBy: string | null
  updatedAt: number
  told: Record<string, Told>
}

/** What a rule says of one set of labels at this moment. */
export interface Reading {
  rule: Rule
  labels: Record<string, string>
  isOver: boolean
  facts: Facts
  /** Holds it longer than its rule's `for` before it fires, in milliseconds. */
  holdMs?: number
}

/** What an alert looks like in a notification. */
export interface AlertView {
  id: string
  status: 'firing' | 'resolved'
  rule: string
  kind: RuleKind
  level: Level
  labels: Record<string, string>
  facts: Facts
  runbook?: string
  startedAt: number
  firedAt: number
  resolvedAt?: number
  /** It was told before. */
  repeated?: true
}

/** The same for the same rule with the same labels. */
export function fingerprintOf(tenantId: Tenant, rule: string, labels: Record<string, string>): string {
  const sorted = Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1))
  return hash('sha256', JSON.stringify([tenantId, rule, sorted])).slice(0, 32)
}

export function viewOf(alert: Alert, status: AlertView['status']): AlertView {
  const { id, rule, kind, level, labels, facts, runbook, startedAt, firedAt, resolvedAt } = alert
  return {
    ...{ id, status, rule, kind, level, labels, facts },
    ...(runbook === null ? {} : { runbook }),
    startedAt,
    firedAt: firedAt ?? startedAt,
    ...(status === 'resolved' && resolvedAt !== null ? { resolvedAt } : {}),
  }
}
