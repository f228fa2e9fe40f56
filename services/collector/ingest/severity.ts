import { composed } from './composed.ts'

export const SEVERITIES = ['info', 'warn', 'block'] as const
export type Severity = (typeof SEVERITIES)[number]

/** What an evaluation says that has a verdict and no severity. */
export const OF_VERDICT: ReadonlyMap<unknown, Severity> = new Map<unknown, Severity>([
  ['pass', 'info'],
  ['warn', 'warn'],
  ['block', 'block'],
])
export const RANK: ReadonlyMap<unknown, number> = new Map<unknown, number>(
  SEVERITIES.map((severity, rank) => [severity, rank]),
)

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

/**
 * The worst evaluation of a report's `policy.evaluations`, block > warn > info; undefined when there is none to judge by.
 * Takes `{rule_id, verdict, severity}` as well as `{rule, result, severity}`. Other words are passed over, not refused.
 */
export function severityOf(policy: unknown): Severity | undefined {
  if (!isObject(policy) || !Array.isArray(policy.evaluations)) return undefined
  let worst = -1
  for (const evaluation of policy.evaluations as unknown[]) {
    if (!isObject(evaluation)) continue
    const { severity, verdict } = evaluation
    const rank = RANK.get(severity) ?? RANK.get(OF_VERDICT.get(verdict)) ?? -1
    if (rank > worst) worst = rank
  }
  return SEVERITIES[worst]
}

export const POLICY_VERSION_MAX_LENGTH = 255

/** `policy.policy_version` as composed text (NFC), when it is short enough to be searched by; else it is only in the report. */
export function policyVersionOf(policy: unknown): string | undefined {
  if (!isObject(policy)) return undefined
  const { policy_version: version } = policy
  if (typeof version === 'number') return String(version)
  const text = typeof version === 'string' ? composed(version, POLICY_VERSION_MAX_LENGTH + 1) : ''
  return text !== '' && text.length <= POLICY_VERSION_MAX_LENGTH ? text : undefined
}
