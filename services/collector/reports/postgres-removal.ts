import { etagOf, requireMatch } from '#shared/etag.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import { columns, raw, sql, type Statement } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import { storeCounts } from '../rollups/postgres.ts'
import { createTally, type Countable } from '../rollups/tally.ts'
import { createPostgresReports, withId } from './postgres.ts'
import { noSuchReport, representation } from './representation.ts'

const REMOVED = columns('id', 'tenantId', 'createdAt', 'severity', 'quarantined')

/** The only way in which reports go: with their sign tokens, and out of every count. */
export function createPostgresRemoval(shard: number) {
  async function removeAll(tx: Transaction, tenantId: Tenant, which: Statement): Promise<number> {
    const found = await tx.all<Countable & { id: string }>(
      sql`DELETE FROM reports WHERE tenantId = ${tenantId} AND ${which} RETURNING ${REMOVED}`,
    )
    if (found.length === 0) return 0
    const ids = found.map(({ id }) => id)
    tx.later(sql`DELETE FROM sign_tokens WHERE tenantId = ${tenantId} AND reportId = ANY(${ids}::text[])`)
    const tally = createTally()
    for (const report of found) tally.count(report, -1)
    storeCounts(tx, tally.changes(), shard)
    return found.length
  }

  return {
    async removeReport(tx: Transaction, tenantId: Tenant, id: string, ifMatch: string | undefined): Promise<Answer> {
      tx.later(sql`SELECT 1 FROM reports WHERE ${withId(id)} AND tenantId = ${tenantId} FOR UPDATE`)
      const found = await createPostgresReports({ of: () => tx, everyTenant: tx }).get(tenantId, id)
      if (found === undefined) throw noSuchReport()
      requireMatch(ifMatch, etagOf(representation(found)))
      await removeAll(tx, tenantId, withId(id))
      return { status: 204 }
    },
    /** Deletes at most `limit` of the tenant's reports from before `cutoffTime`, oldest first; @returns how many it deleted */
    removeReportsBefore: (tx: Transaction, tenantId: Tenant, cutoffTime: number, limit: number): Promise<number> =>
      removeAll(
        tx,
        tenantId,
        sql`(createdAt, id) IN (SELECT createdAt, id FROM reports
          WHERE tenantId = ${tenantId} AND createdAt < ${cutoffTime} ORDER BY createdAt, seq LIMIT ${limit}
          ${raw('FOR UPDATE SKIP LOCKED')})`,
      ),
  }
}
