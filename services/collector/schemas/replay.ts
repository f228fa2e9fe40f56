import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import { sightingsOf } from '../findings/fingerprint.ts'
import type { FindingRecord } from '../findings/record.ts'
import { evaluationsOf } from '../ingest/evaluations.ts'
import type { Rollups } from '../rollups/store.ts'
import type { Countable } from '../rollups/tally.ts'
import type { SearchRecord } from '../search/record.ts'
import type { Validators } from './validators.ts'

/** How far a replay has come. */
export interface Replayed {
  /** Reports that were checked again, and those of them that fit now. */
  checked: number
  moved: number
  /** Where to go on, undefined at the end. */
  next?: readonly [createdAt: number, seq: number]
}

interface ReplayParts {
  rollups: Rollups
  findings: FindingRecord
  search: SearchRecord
  validators: Validators
}

type Row = Countable & { id: string; seq: number; report: string; errors: string; schemaName: string | null }

/** Checks quarantined reports against the newest version of their schema, and moves those that fit. */
export function createReplay(db: Database, { rollups, findings, search, validators }: ReplayParts) {
  const page = db.prepare<[string, number, number, number], Row>(
    `SELECT seq, id, tenantId, createdAt, severity, quarantined, report, errors, schemaName FROM reports
     WHERE tenantId = ? AND quarantined = 1 AND (createdAt, seq) > (?, ?) ORDER BY createdAt, seq LIMIT ?`,
  )
  const move = db.prepare('UPDATE reports SET quarantined = 0, errors = NULL, updatedAt = ? WHERE seq = ?')
  const explain = db.prepare('UPDATE reports SET errors = ?, updatedAt = ? WHERE seq = ?')

  return (tenantId: Tenant, [createdAt, seq]: readonly [number, number], limit: number, now: number): Replayed => {
    const tally = rollups.tally()
    const told = findings.session()
    validators.refresh()
    const rows = page.all(tenantId, createdAt, seq, limit)
    let moved = 0
    for (const row of rows) {
      const report = JSON.parse(row.report) as { policy?: unknown }
      const errors = validators.get(tenantId, row.schemaName ?? undefined)?.validate(report) ?? []
      if (errors.length === 0) {
        move.run(now, row.seq)
        tally.count(row, -1)
        tally.count({ ...row, quarantined: 0 }, 1)
        told.add(tenantId, row, sightingsOf(evaluationsOf(report.policy)))
        search.mark(tenantId, row.seq, 'quarantined', false)
        moved++
      } else {
        const text = JSON.stringify(errors)
        if (text !== row.errors) explain.run(text, now, row.seq)
      }
    }
    tally.apply()
    told.apply()
    const last = rows.length === limit ? rows.at(-1) : undefined
    return { checked: rows.length, moved, ...(last === undefined ? {} : { next: [last.createdAt, last.seq] as const }) }
  }
}
