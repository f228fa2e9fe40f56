import type { Database } from '#shared/database.ts'
import { asTenant } from '#shared/scope.ts'
import type { FieldError } from '#shared/problem.ts'
import type { IngestItem, Known } from '../../ingest/item.ts'
import { contentHash } from '../../ingest/prepare.ts'
import { valueOf } from '../../writer/protocol.ts'
import type { WriterBackend } from '../../writer/queue.ts'
import { insertAll, type Column } from '../bulk.ts'
import { EVERY_TENANT, type Pool } from '../pool.ts'
import { sql } from '../sql.ts'
import { transaction } from '../transaction.ts'
import type { Progress } from './progress.ts'

/** A report as the file has it. */
export interface FiledReport {
  seq: number
  id: string
  tenantId: string
  createdAt: number
  updatedAt: number
  severity: Known['severity'] | null
  policyVersion: string | null
  markdown: string | null
  report: string
  quarantined: number
  errors: string | null
  schemaName: string | null
  labels: string | null
}

const CHUNK = 500

/** What a report is taken in as: as it was stored, whatever would be found in it today. */
function itemOf(filed: FiledReport): IngestItem {
  const { id, tenantId, createdAt, updatedAt, severity, policyVersion, markdown, errors, schemaName, labels } = filed
  const text = markdown === null ? filed.report : JSON.stringify({ ...(JSON.parse(filed.report) as object), markdown })
  return {
    tenantId: asTenant(tenantId),
    text,
    ...(schemaName === null ? {} : { schema: schemaName }),
    restored: {
      id,
      createdAt,
      known: {
        updatedAt,
        ...(severity === null ? {} : { severity: severity as NonNullable<typeof severity> }),
        ...(policyVersion === null ? {} : { policyVersion }),
        ...(labels === null ? {} : { labels: JSON.parse(labels) as Record<string, unknown> }),
        errors: errors === null ? [] : (JSON.parse(errors) as FieldError[]),
      },
    },
  }
}

const HASHES: readonly Column<FiledReport>[] = [
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'hash', type: 'bytea', of: ({ report, markdown }) => contentHash(report, markdown) },
  { name: 'reportId', type: 'text', of: ({ id }) => id },
  { name: 'createdAt', type: 'bigint', of: ({ createdAt }) => createdAt },
]

interface MoveParts {
  db: Database
  pool: Pool
  backend: WriterBackend
  progress: Progress
  /** Contents of reports that came after this are known again (milliseconds since 1970). */
  dedupeSince: number
  told(moved: number, of: number): void
}

/**
 * Moves the reports in the order in which they arrived, through what takes in reports: whatever is kept of each of them is made on the
 * way. Those of a chunk that was interrupted are there already, and stay as they are.
 * @returns how many it moved now
 */
export async function moveReports({ db, pool, backend, progress, dedupeSince, told }: MoveParts): Promise<number> {
  const page = db.prepare<[number, number], FiledReport>('SELECT * FROM reports WHERE seq > ? ORDER BY seq LIMIT ?')
  const left = db.prepare<[number], number>('SELECT count(*) FROM reports WHERE seq > ?').pluck()
  let last = progress.of('reports')
  const total = left.get(last) as number
  let moved = 0
  for (;;) {
    const rows = page.all(last, CHUNK)
    if (rows.length === 0) return moved
    const { items } = await backend.write({ items: rows.map(itemOf), commands: [] })
    items.forEach((outcome, at) => {
      const value = valueOf(outcome)
      if (value.status !== 'rejected') return
      throw new Error(`${rows[at]?.id}: ${value.errors.map(({ message }) => message).join('; ')}`)
    })
    last = (rows.at(-1) as FiledReport).seq
    const young = rows.filter(({ createdAt }) => createdAt > dedupeSince)
    await transaction(pool, EVERY_TENANT, async (tx) => {
      // The first one of the same content is the one that is known.
      if (young.length > 0) tx.later(insertAll('report_hashes', HASHES, young, sql`ON CONFLICT DO NOTHING`))
      tx.later(progress.note('reports', last))
    })
    moved += rows.length
    told(moved, total)
  }
}
