import { CHANGE_MIN_MS, CHANGE_MIN_RATIO, USUAL_RUNS } from './limits.ts'
import type { History } from './history.ts'
import type { Grade, Run } from './run.ts'
import { kindOf, summaryOf, usualOf, type Summary } from './summary.ts'

/** A latency that moved by more than noise; in ms. */
export interface Moved {
  /** Name of a process (its `/health`) or a route of the load. */
  what: string
  measure: 'health' | 'p50' | 'p99'
  before: number
  now: number
}

/** How this run differs from another one. */
export interface Change {
  against: 'last' | 'usual' | 'baseline'
  /** When that run was, ms since 1970. */
  at: number
  grade: Grade
  score: number
  /** Failed checks that did not fail then, and the other way round. Not told against the usual. */
  broken: string[]
  mended: string[]
  moved: Moved[]
}

export interface Changes {
  last?: Change
  usual?: Change
  baseline?: Change
  /** Grades and scores of the last runs of this kind, oldest first, this run at the end. */
  trend: Pick<Summary, 'at' | 'grade' | 'score' | 'verdict'>[]
}

function movedBetween(now: Summary, before: Summary): Moved[] {
  const moved: Moved[] = []
  const add = (what: string, measure: Moved['measure'], was: number | null | undefined, is: number | null) => {
    if (typeof was !== 'number' || is === null) return
    const apart = Math.abs(is - was)
    if (apart >= CHANGE_MIN_MS && apart >= was * CHANGE_MIN_RATIO) moved.push({ what, measure, before: was, now: is })
  }
  for (const [name, { health_ms }] of Object.entries(now.targets)) {
    add(name, 'health', before.targets[name]?.health_ms, health_ms)
  }
  if (now.kind !== before.kind) return moved
  for (const [route, { p50, p99 }] of Object.entries(now.routes)) {
    add(route, 'p50', before.routes[route]?.p50, p50)
    add(route, 'p99', before.routes[route]?.p99, p99)
  }
  return moved
}

/** Compares two runs; figures of a load only when both had the same one. */
export function changeSince(now: Summary, before: Summary, against: Change['against']): Change {
  const isUsual = against === 'usual'
  const isLoad = (name: string) => name.startsWith('load ')
  const isSameKind = now.kind === before.kind
  const notIn = (names: string[], others: string[]) =>
    names.filter((name) => !others.includes(name) && (isSameKind || !isLoad(name)))
  return {
    against,
    at: before.at,
    grade: before.grade,
    score: before.score,
    broken: isUsual ? [] : notIn(now.failed, before.failed),
    mended: isUsual ? [] : notIn(before.failed, now.failed),
    moved: movedBetween(now, before),
  }
}

/**
 * What changed since the run before, against the usual, and against the baseline.
 * @param baseline a run to compare with, instead of the one that was set for this kind
 */
export function changesOf(run: Run, history: Pick<History, 'latest' | 'baseline'>, baseline?: Summary): Changes {
  const now = summaryOf(run)
  const kind = kindOf(run)
  const [last] = history.latest(1)
  const alike = history.latest(USUAL_RUNS, kind)
  const usual = usualOf(alike)
  const fixed = baseline ?? history.baseline(kind)
  return {
    ...(last === undefined ? {} : { last: changeSince(now, last, 'last') }),
    ...(usual === undefined ? {} : { usual: changeSince(now, usual, 'usual') }),
    ...(fixed === undefined ? {} : { baseline: changeSince(now, fixed, 'baseline') }),
    trend: [...alike.toReversed(), now].map(({ at, grade, score, verdict }) => ({ at, grade, score, verdict })),
  }
}
