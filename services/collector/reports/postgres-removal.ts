import { etagOf, requireMatch } from '#shared/etag.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { GoneReport, ReportPart } from '../postgres/report-part.ts'
import { columns, raw, sql, type Statement } from '../postgres/sql.ts'
import { lockTenant } from '../postgres/tenant-lock.ts'
import type { Transaction } from '../postgres/transaction.ts'
import { holdIn } from '../retention/holds/postgres.ts'
import { onHold } from '../retention/holds/refusals.ts'
import { createPostgresReports, withId } from './postgres.ts'
import { STORED_BYTES } from './removal.ts'
import { noSuchReport, representation } from './representation.ts'

const GONE = sql`${columns('id', 'tenantId', 'createdAt', 'severity', 'quarantined', 'seq')}, ${raw(STORED_BYTES)} AS bytes`

export type PostgresRemoval = ReturnType<typeof createPostgresRemoval>

/** The only way in which reports go: with their sign tokens, and out of everything that is kept of them; see removal.ts. */
export const createPostgresRemoval =
  (parts: readonly ReportPart[]) =>
  /** Deletes those of a tenant's reports for which the condition holds; @returns how many */
  async (tx: Transaction, tenantId: Tenant, which: Statement): Promise<number> => {
    const found = await tx.all<GoneReport>(
      sql`DELETE FROM reports WHERE tenantId = ${tenantId} AND ${which} RETURNING ${GONE}`,
    )
    if (found.length === 0) return 0
    const ids = found.map(({ id }) => id)
    tx.later(sql`DELETE FROM sign_tokens WHERE tenantId = ${tenantId} AND reportId = ANY(${ids}::text[])`)
    for (const part of parts) await part.gone?.(tx, tenantId, found)
    return found.length
  }

/** Deletes one report, if it still is what the caller saw. @throws Problem not-found, precondition-failed */
export const createRemoveReport =
  (remove: PostgresRemoval) =>
  async (tx: Transaction, tenantId: Tenant, id: string, ifMatch: string | undefined): Promise<Answer> => {
    // Nobody puts it on hold meanwhile.
    tx.later(lockTenant(tenantId))
    tx.later(sql`SELECT 1 FROM reports WHERE ${withId(id)} AND tenantId = ${tenantId} FOR UPDATE`)
    const found = await createPostgresReports({ of: () => tx, everyTenant: tx }).get(tenantId, id)
    if (found === undefined) throw noSuchReport()
    const hold = await holdIn(tx, tenantId, id)
    requireMatch(ifMatch, etagOf(representation(found, hold)))
    if (hold !== undefined) throw onHold(hold)
    await remove(tx, tenantId, withId(id))
    return { status: 204 }
  }
