import type { Alert } from '../alert.ts'
import type { Level } from '../levels.ts'

/** A maintenance window: what matches it is not told of while it lasts. Times are milliseconds since 1970. */
export interface Silence {
  id: string
  startsAt: number
  endsAt: number
  /** Only alerts of this rule; of every rule without it. */
  rule: string | null
  level: Level | null
  reason: string
  createdBy: string
  createdAt: number
  updatedAt: number
}

export const isSilenced = (alert: Alert, silences: readonly Silence[], now: number): boolean =>
  silences.some(
    ({ startsAt, endsAt, rule, level }) =>
      startsAt <= now && now < endsAt && (rule ?? alert.rule) === alert.rule && (level ?? alert.level) === alert.level,
  )
