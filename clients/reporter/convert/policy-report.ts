import type { Evaluation, QcReport } from '../report.ts'
import { isObject, listOf, numberOf, objectOf, objectsOf, textOf, type Json } from './json.ts'
import { ConvertError, identity, messageText, reportsOf, type ConvertOptions } from './report-of.ts'

/** wgpolicyk8s.io/v1alpha2 and v1beta1, and openreports.io, which took its place. */
const KINDS: ReadonlySet<unknown> = new Set(['PolicyReport', 'ClusterPolicyReport', 'Report', 'ClusterReport'])
const GROUPS = /^(wgpolicyk8s\.io|openreports\.io|reports\.x-k8s\.io)\//
const TARGET_LENGTH = 500

type Result = 'pass' | 'fail' | 'warn' | 'error' | 'skip'
const RESULTS: readonly Result[] = ['pass', 'fail', 'warn', 'error', 'skip']

/** What a rule that is not met comes to, by its own severity; without one it counts in full. */
function failed(result: Json): Pick<Evaluation, 'verdict' | 'severity'> {
  // Not scored: the policy's author means it as advice.
  if (result.scored === false || result.severity === 'medium') return { verdict: 'warn', severity: 'warn' }
  if (result.severity === 'low' || result.severity === 'info') return { verdict: 'warn', severity: 'info' }
  return { verdict: 'block', severity: 'block' }
}

function judged(outcome: Result, result: Json): Pick<Evaluation, 'verdict' | 'severity'> {
  if (outcome === 'pass') return { verdict: 'pass', severity: 'info' }
  return outcome === 'fail' ? failed(result) : { verdict: 'warn', severity: 'warn' }
}

function nameOf(resource: Json): string {
  const parts = [resource.kind, resource.namespace, resource.name].map(textOf).filter((part) => part !== '')
  return identity(parts.join('/'), TARGET_LENGTH)
}

/** The resources of a result; when it names none, its report is about one, or about a whole namespace. */
function targetsOf(result: Json, report: Json): string[] {
  const named = [...objectsOf(result.resources), ...objectsOf(result.subjects)].map(nameOf)
  const all = named.filter((name) => name !== '')
  if (all.length > 0) return all
  const namespace = textOf(objectOf(report.metadata).namespace)
  return [nameOf(objectOf(report.scope)) || (namespace === '' ? 'cluster' : identity(`Namespace/${namespace}`))]
}

/** The last second of the year 9999. */
const LAST_SECOND = 253_402_300_799

/** Seconds since 1970; Kubernetes' API writes them as a number, protobuf's JSON as text. */
function timeOf(result: Json): number | undefined {
  const { seconds } = objectOf(result.timestamp)
  const time = numberOf(typeof seconds === 'string' && /^\d{1,12}$/.test(seconds) ? Number(seconds) : seconds)
  return time !== undefined && time > 0 && time <= LAST_SECOND ? Math.floor(time) : undefined
}

const isReport = (document: unknown): document is Json =>
  isObject(document) && KINDS.has(document.kind) && GROUPS.test(textOf(document.apiVersion))

function documentsOf(value: unknown): Json[] {
  const documents = isObject(value) && Array.isArray(value.items) ? listOf(value.items) : [value]
  if (!documents.every(isReport)) {
    throw new ConvertError(
      'not a PolicyReport: its kind and apiVersion must be one of wgpolicyk8s.io or openreports.io',
    )
  }
  return documents
}

/**
 * Reports of a PolicyReport or ClusterPolicyReport, or of a list of them (`kubectl get policyreports -A -o json`). The rule is
 * `policy/rule`, the target `Kind/namespace/name`; a result about several resources is one evaluation each. What was
 * skipped is counted only. @throws ConvertError when it is none
 */
export function fromPolicyReport(value: unknown, options: ConvertOptions = {}): QcReport[] {
  const evaluations: Evaluation[] = []
  const counts: Record<Result, number> = { pass: 0, fail: 0, warn: 0, error: 0, skip: 0 }
  const sources = new Set<string>()
  let newest: number | undefined
  for (const report of documentsOf(value)) {
    for (const result of objectsOf(report.results)) {
      const outcome = RESULTS.find((each) => each === (result.result ?? result.status)) ?? 'error'
      counts[outcome]++
      const source = textOf(result.source) || textOf(report.source)
      if (source !== '') sources.add(source)
      const time = timeOf(result)
      if (time !== undefined && time > (newest ?? 0)) newest = time
      if (outcome === 'skip') continue
      const parts = [textOf(result.policy), textOf(result.rule)].filter((part) => part !== '')
      const rule_id = identity(parts.join('/')) || 'unnamed policy'
      const text = textOf(result.message) || textOf(result.description)
      for (const target of targetsOf(result, report)) {
        evaluations.push({ rule_id, target, ...judged(outcome, result), message: messageText(text) })
      }
    }
  }
  return reportsOf(
    {
      source: 'policyreport',
      area: 'policy',
      evaluations,
      counts,
      ...(sources.size === 0 ? {} : { tool: identity([...sources].sort().join(', ')) }),
      ...(newest === undefined ? {} : { createdAt: new Date(newest * 1000).toISOString() }),
    },
    options,
  )
}
