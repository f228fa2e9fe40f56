import type { Tenant } from '#shared/scope.ts'
import type { Access } from '../postgres/pool.ts'
import { sql } from '../postgres/sql.ts'
import {
  openNumbers,
  reportNumbers,
  type CountRow,
  type FindingNumbers,
  type OpenRow,
  type ReportNumbers,
} from './store.ts'

/** The numbers on PostgreSQL; see store.ts. Its server has all findings in them. */
export const createPostgresStats = ({ of }: Access, flakyChanges: number) => ({
  reports: async (tenantId: Tenant): Promise<ReportNumbers> =>
    reportNumbers(
      await of(tenantId).all<CountRow>(
        sql`SELECT quarantined, severity, sum(reports) AS reports FROM report_counts WHERE tenantId = ${tenantId} GROUP BY 1, 2`,
      ),
    ),
  async findings(tenantId: Tenant, now: number): Promise<FindingNumbers> {
    const [rows, others] = await Promise.all([
      of(tenantId).all<OpenRow>(
        sql`SELECT target, severity, count(*) AS findings FROM findings
          WHERE tenantId = ${tenantId} AND state <> 'resolved' GROUP BY target, severity`,
      ),
      of(tenantId).first<{ flaky: number; muted: number }>(
        sql`SELECT count(*) FILTER (WHERE changes >= ${flakyChanges}) AS flaky,
            count(*) FILTER (WHERE mutedUntil > ${now}) AS muted FROM findings WHERE tenantId = ${tenantId}`,
      ),
    ])
    return { ...openNumbers(rows), flaky: others?.flaky ?? 0, muted: others?.muted ?? 0, partial: false }
  },
})
