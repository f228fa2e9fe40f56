import type { Changes } from './change.ts'
import type { Check, Run } from './run.ts'

/** What every report is made from. */
export interface Report {
  run: Run
  changes: Changes
  /** Remarks about the run itself (no history, no monitor key), already in the reader's language. */
  notes: string[]
}

/** Failures of one target that say the same, told once: five probes of a dead process are one line. */
export function groupFailures<T>(checks: readonly Check[], say: (check: Check) => T) {
  const groups = new Map<string, { target: string; names: string[]; said: T }>()
  for (const check of checks.filter(({ ok }) => !ok)) {
    const said = say(check)
    const key = JSON.stringify([check.target, said])
    const group = groups.get(key) ?? { target: check.target, names: [], said }
    group.names.push(check.name)
    groups.set(key, group)
  }
  return [...groups.values()]
}

/** Whether a route met all its budgets; undefined when it has none. */
export function budgetOf(run: Pick<Run, 'checks'>, route: string): boolean | undefined {
  const own = run.checks.filter(({ kind, name }) => kind === 'budget' && name.startsWith(`${route} `))
  return own.length === 0 ? undefined : own.every((check) => check.ok)
}
