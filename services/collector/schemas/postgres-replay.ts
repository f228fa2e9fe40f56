import type { Tenant } from '#shared/scope.ts'
import { evaluationsOf } from '../ingest/evaluations.ts'
import { given, type Column } from '../postgres/bulk.ts'
import type { ReportPart } from '../postgres/report-part.ts'
import { columns, sql } from '../postgres/sql.ts'
import { lockTenant } from '../postgres/tenant-lock.ts'
import type { Transaction } from '../postgres/transaction.ts'
import type { Countable } from '../rollups/tally.ts'
import type { Replayed } from './replay.ts'
import type { LoadedValidators } from './postgres-validators.ts'
import { sightingsOf } from '../findings/fingerprint.ts'

type Row = Countable & { id: string; seq: number; report: string; errors: string; schemaName: string | null }
interface Judged extends Row {
  /** JSON text of what does not fit; null when it fits. */
  now: string | null
}

const PAGE = columns(
  ...['seq', 'id', 'tenantId', 'createdAt', 'severity', 'quarantined', 'report', 'errors', 'schemaName'],
)
const JUDGED: readonly Column<Judged>[] = [
  { name: 'createdAt', type: 'bigint', of: ({ createdAt }) => createdAt },
  { name: 'id', type: 'text', of: ({ id }) => id },
  { name: 'errors', type: 'text', of: ({ now }) => now },
]

/** Checks quarantined reports against the newest version of their schema, and moves those that fit; see replay.ts. */
export const createPostgresReplay =
  (validators: LoadedValidators, parts: readonly ReportPart[]) =>
  async (
    tx: Transaction,
    tenantId: Tenant,
    [createdAt, seq]: readonly [number, number],
    limit: number,
    now: number,
  ): Promise<Replayed> => {
    tx.later(lockTenant(tenantId))
    const rows = await tx.all<Row>(
      sql`SELECT ${PAGE} FROM reports WHERE tenantId = ${tenantId} AND quarantined = 1
        AND (createdAt, seq) > (${createdAt}, ${seq}) ORDER BY createdAt, seq LIMIT ${limit} FOR UPDATE`,
    )
    const wanted = rows.map(({ schemaName }) => ({ tenantId, schema: schemaName ?? undefined }))
    await validators.load({ everyTenant: tx }, wanted)
    const judged = rows.map((row) => {
      const report = JSON.parse(row.report) as { policy?: unknown }
      const errors = validators.get(tenantId, row.schemaName ?? undefined)?.validate(report) ?? []
      const fits = errors.length === 0
      return {
        ...row,
        now: fits ? null : JSON.stringify(errors),
        sightings: fits ? sightingsOf(evaluationsOf(report.policy)) : [],
      }
    })
    const moved = judged.filter((row) => row.now === null)
    const changed = judged.filter((row) => row.now !== row.errors)
    if (changed.length > 0) {
      tx.later(
        sql`UPDATE reports SET quarantined = CASE WHEN given.errors IS NULL THEN 0 ELSE 1 END, errors = given.errors,
            updatedAt = ${now}
          FROM ${given(JUDGED, changed)} WHERE (reports.createdAt, reports.id) = (given.createdAt, given.id)`,
      )
    }
    if (moved.length > 0) for (const part of parts) await part.released?.(tx, tenantId, moved)
    const last = rows.length === limit ? rows.at(-1) : undefined
    return {
      checked: rows.length,
      moved: moved.length,
      ...(last === undefined ? {} : { next: [last.createdAt, last.seq] as const }),
    }
  }
