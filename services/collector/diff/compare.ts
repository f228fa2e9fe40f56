import { sightingsOf } from '../findings/fingerprint.ts'
import { evaluationsOf, type Evaluation, type Verdict } from '../ingest/evaluations.ts'

/** What became of something from one report to the other; `changed` is neither better nor worse. */
export const CHANGES = ['better', 'worse', 'same', 'added', 'removed', 'changed'] as const
export type Change = (typeof CHANGES)[number]

/** What became of a finding. */
export const FINDING_CHANGES = ['new', 'resolved', 'still', 'changed'] as const
export type FindingChange = (typeof FINDING_CHANGES)[number]

export interface ChangedStatus {
  name: string
  from?: string
  to?: string
  change: Change
}

export interface ChangedFinding {
  fingerprint: string
  rule: string
  target: string
  /** As the later of the two says it. */
  message: string
  change: FindingChange
  /** Of a verdict that changed. */
  direction?: 'better' | 'worse'
  from?: Verdict
  to?: Verdict
}

export interface Summary {
  trend?: string
  deltaPct?: number
}

export interface ChangedSummary {
  id: string
  from?: Summary
  to?: Summary
  change: Change
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/** How bad a status is; others than these are neither better nor worse. */
const STATUS_RANK: Readonly<Record<string, number>> = { pass: 0, warn: 1, fail: 2 }

/** @param from how bad it was; undefined when it was not there @param to the same of how it is */
export function changeOf<T>(from: T | undefined, to: T | undefined, rankOf: (value: T) => number | undefined): Change {
  if (from === undefined) return 'added'
  if (to === undefined) return 'removed'
  if (from === to) return 'same'
  const [was, is] = [rankOf(from), rankOf(to)]
  if (was === undefined || is === undefined || was === is) return 'changed'
  return is < was ? 'better' : 'worse'
}

function statusesIn({ status }: Record<string, unknown>): Map<string, string> {
  const entries = isObject(status) ? Object.entries(status) : []
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'))
}

const namesOf = <V>(one: ReadonlyMap<string, V>, other: ReadonlyMap<string, V>): string[] =>
  [...new Set([...one.keys(), ...other.keys()])].sort()

function statuses(from: Record<string, unknown>, to: Record<string, unknown>): ChangedStatus[] {
  const [was, is] = [statusesIn(from), statusesIn(to)]
  const rankOf = (value: string) => (Object.hasOwn(STATUS_RANK, value) ? STATUS_RANK[value] : undefined)
  return namesOf(was, is).map((name) => {
    const [before, after] = [was.get(name), is.get(name)]
    return {
      name,
      ...(before === undefined ? {} : { from: before }),
      ...(after === undefined ? {} : { to: after }),
      change: changeOf(before, after, rankOf),
    }
  })
}

/** What a report judges, by fingerprint; of what it judges twice the worse. */
const findingsIn = ({ policy }: Record<string, unknown>): Map<string, Evaluation> =>
  new Map(sightingsOf(evaluationsOf(policy)).map((sighting) => [sighting.fingerprint, sighting]))

const isOpen = (evaluation: Evaluation | undefined): boolean =>
  evaluation !== undefined && evaluation.verdict !== 'pass'

/** Findings that are open in one of the two. */
function findings(from: Record<string, unknown>, to: Record<string, unknown>): ChangedFinding[] {
  const [was, is] = [findingsIn(from), findingsIn(to)]
  return namesOf(was, is).flatMap((fingerprint): ChangedFinding[] => {
    const [before, after] = [was.get(fingerprint), is.get(fingerprint)]
    if (!isOpen(before) && !isOpen(after)) return []
    const { rule, target, message } = (after ?? before) as Evaluation
    const said = {
      ...{ fingerprint, rule, target, message },
      ...(before === undefined ? {} : { from: before.verdict }),
      ...(after === undefined ? {} : { to: after.verdict }),
    }
    if (!isOpen(before)) return [{ ...said, change: 'new' }]
    if (!isOpen(after)) return [{ ...said, change: 'resolved' }]
    if (before?.verdict === after?.verdict) return [{ ...said, change: 'still' }]
    return [{ ...said, change: 'changed', direction: after?.verdict === 'block' ? 'worse' : 'better' }]
  })
}

function summariesIn({ diff }: Record<string, unknown>): Map<string, Summary> {
  const list = isObject(diff) && Array.isArray(diff.summary) ? (diff.summary as unknown[]) : []
  return new Map(
    list.filter(isObject).flatMap(({ id, trend, deltaPct }) =>
      typeof id === 'string'
        ? [
            [
              id,
              {
                ...(typeof trend === 'string' ? { trend } : {}),
                ...(typeof deltaPct === 'number' ? { deltaPct } : {}),
              },
            ] as const,
          ]
        : [],
    ),
  )
}

/** Nobody knows of a trend whether up is good. */
function summaries(from: Record<string, unknown>, to: Record<string, unknown>): ChangedSummary[] {
  const [was, is] = [summariesIn(from), summariesIn(to)]
  return namesOf(was, is).map((id) => {
    const [before, after] = [was.get(id), is.get(id)]
    const isSame = before?.trend === after?.trend && before?.deltaPct === after?.deltaPct
    return {
      id,
      ...(before === undefined ? {} : { from: before }),
      ...(after === undefined ? {} : { to: after }),
      change: before !== undefined && after !== undefined && isSame ? 'same' : changeOf(before, after, () => undefined),
    }
  })
}

/** What is another in the second report. Both are what came, whether it fits its schema or not. */
export const compare = (from: Record<string, unknown>, to: Record<string, unknown>) => ({
  status: statuses(from, to),
  findings: findings(from, to),
  summary: summaries(from, to),
})
