import type { Severity } from '../ingest/severity.ts'

export const HOUR_MS = 3_600_000

/** What a report counts by. */
export interface Countable {
  tenantId: string
  /** Milliseconds since 1970. */
  createdAt: number
  severity: Severity | null | undefined
  /** 0 or 1, as it is stored. */
  quarantined: number
}

/** So many reports more, or fewer, that count alike. */
export interface Change {
  tenantId: string
  /** Begin of the hour (UTC), milliseconds since 1970. */
  time: number
  severity: Severity | 'none'
  quarantined: number
  by: number
}

/** Gathers what a write changes of the counts, once for all reports that count alike. */
export function createTally() {
  const changes = new Map<string, Change>()
  return {
    count(report: Countable, by: 1 | -1): void {
      const { tenantId, quarantined } = report
      const time = Math.floor(report.createdAt / HOUR_MS) * HOUR_MS
      const severity = report.severity ?? 'none'
      const key = `${time} ${severity} ${quarantined} ${tenantId}`
      const known = changes.get(key)
      if (known === undefined) changes.set(key, { tenantId, time, severity, quarantined, by })
      else known.by += by
    },
    changes: (): Change[] => [...changes.values()].filter(({ by }) => by !== 0),
  }
}

export type Tally = ReturnType<typeof createTally>
