import type { Report } from './report.ts'
import type { Check, Run } from './run.ts'
import { problemText, TEXTS } from './texts.ts'

const withMessage = (check: Check) =>
  check.problem === undefined ? check : { ...check, message: problemText(TEXTS.en, check.problem) }

/** The run as a document for programs; messages are English in every locale. */
export function jsonReport({ run, changes, notes }: Report) {
  return {
    ...run,
    targets: run.targets.map((target) => ({ ...target, checks: target.checks.map(withMessage) })),
    checks: run.checks.map(withMessage),
    changes,
    notes,
  }
}

/** Reads a run back from a JSON report; undefined when it is none. */
export function runFromJson(text: string): Run | undefined {
  try {
    const document = JSON.parse(text) as Partial<Run> | null
    const isRun =
      document?.schema === 'najimban-health/1' &&
      Array.isArray(document.targets) &&
      Array.isArray(document.checks) &&
      typeof document.started_at === 'string'
    return isRun ? (document as Run) : undefined
  } catch {
    return undefined
  }
}
