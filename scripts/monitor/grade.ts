import { allChecks, type Check, type Grade, type Run, type State } from './run.ts'

/** Points that a failure costs, from 100. A process that is down costs only that, not its other failures too. */
export const COSTS = { down: 40, probe: 15, field: 8, limit: 5, budget: 6 } as const

/** Least points for each grade. A is a run in which nothing failed, A+ such a run under load. */
export const GRADES = [
  ['A+', 100],
  ['A', 100],
  ['B', 85],
  ['C', 70],
  ['D', 50],
  ['F', 0],
] as const satisfies readonly (readonly [Grade, number])[]

type Graded = Pick<Run, 'verdict' | 'exit_code' | 'grade' | 'score'>

const EXIT_CODES = { healthy: 0, degraded: 1, down: 2 } as const satisfies Record<State, number>

function scoreOf({ targets, checks }: Pick<Run, 'targets' | 'checks'>): number {
  const cost = (failed: readonly Check[]) => failed.reduce((sum, check) => sum + (check.ok ? 0 : COSTS[check.kind]), 0)
  const costs = targets.map((target) => (target.state === 'down' ? COSTS.down : cost(target.checks)))
  return Math.max(0, 100 - costs.reduce((sum, points) => sum + points, 0) - cost(checks))
}

/** The verdict of a run. Any critical process that is down makes it F;  */
export function gradeOf(run: Pick<Run, 'targets' | 'checks' | 'load'>): Graded {
  const dead = run.targets.some((target) => target.critical && target.state === 'down')
  const verdict: State = dead ? 'down' : allChecks(run).some((check) => !check.ok) ? 'degraded' : 'healthy'
  const score = scoreOf(run)
  const earned = GRADES.find(([grade, least]) => score >= least && (grade !== 'A+' || run.load !== undefined))
  return { verdict, exit_code: EXIT_CODES[verdict], grade: dead ? 'F' : (earned?.[0] ?? 'F'), score }
}
