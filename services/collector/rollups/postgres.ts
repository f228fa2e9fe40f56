import { given, type Column } from '../postgres/bulk.ts'
import { columns, sql } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import type { ReportPart } from '../postgres/report-part.ts'
import { createTally, type Change } from './tally.ts'

const COLUMNS: readonly Column<Change>[] = [
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'time', type: 'bigint', of: ({ time }) => time },
  { name: 'severity', type: 'text', of: ({ severity }) => severity },
  { name: 'quarantined', type: 'smallint', of: ({ quarantined }) => quarantined },
  { name: 'reports', type: 'bigint', of: ({ by }) => by },
]

/** Stores what a write changed of the counts, always in the same order of rows, so that two writes never wait for each other. */
function storeCounts(tx: Transaction, changes: readonly Change[], shard: number): void {
  if (changes.length === 0) return
  const rows = given(COLUMNS, changes)
  tx.later(sql`
    INSERT INTO report_hours (tenantId, time, severity, shard, reports)
    SELECT tenantId, time, severity, ${shard}::smallint, sum(reports) FROM ${rows} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (tenantId, time, severity, shard) DO UPDATE SET reports = report_hours.reports + excluded.reports`)
  tx.later(sql`
    INSERT INTO report_counts (tenantId, quarantined, severity, shard, reports)
    SELECT tenantId, quarantined, severity, ${shard}::smallint, sum(reports) FROM ${rows} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (tenantId, quarantined, severity, shard) DO UPDATE SET reports = report_counts.reports + excluded.reports`)
  const left = changes.filter(({ by }) => by < 0)
  if (left.length === 0) return
  tx.later(sql`
    DELETE FROM report_hours AS hours USING ${given(COLUMNS, left)}
    WHERE (hours.tenantId, hours.time, hours.severity) = (given.tenantId, given.time, given.severity)
      AND hours.shard = ${shard} AND hours.reports = 0`)
}

/** Counts of reports by hour and severity, and of all. @param shard the rows of this process */
export function countsPart(shard: number): ReportPart {
  return {
    session() {
      const { count, changes } = createTally()
      return {
        add: (report) => count({ ...report, quarantined: report.errors.length === 0 ? 0 : 1 }, 1),
        store: (tx) => storeCounts(tx, changes(), shard),
      }
    },
    gone(tx, _tenant, reports) {
      const { count, changes } = createTally()
      for (const report of reports) count(report, -1)
      storeCounts(tx, changes(), shard)
    },
    released(tx, _tenant, reports) {
      const { count, changes } = createTally()
      for (const report of reports) {
        count({ ...report, quarantined: 1 }, -1)
        count({ ...report, quarantined: 0 }, 1)
      }
      storeCounts(tx, changes(), shard)
    },
  }
}

type Row = Pick<Change, 'tenantId' | 'time' | 'severity'> & { shard: number; reports: number }
const ROW: readonly Column<Row>[] = [
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'time', type: 'bigint', of: ({ time }) => time },
  { name: 'severity', type: 'text', of: ({ severity }) => severity },
  { name: 'shard', type: 'smallint', of: ({ shard }) => shard },
]

/**
 * Deletes rows of hours whose reports are all gone: what one process counted another one took away. The rows are held meanwhile, so
 * that what is deleted adds up to nothing, whoever counts beside.
 * @returns how many hours it looked at, at most `limit`
 */
export async function removeEmptyHours(tx: Transaction, limit: number): Promise<number> {
  const rows = await tx.all<Row>(
    sql`SELECT ${columns('tenantId', 'time', 'severity', 'shard', 'reports')} FROM report_hours
      WHERE (tenantId, time, severity) IN (
        SELECT tenantId, time, severity FROM report_hours GROUP BY 1, 2, 3 HAVING sum(reports) = 0 LIMIT ${limit}
      ) ORDER BY report_hours.tenantId, time, severity, shard FOR UPDATE`,
  )
  const hours = [...Map.groupBy(rows, ({ tenantId, time, severity }) => `${time} ${severity} ${tenantId}`).values()]
  const empty = hours.filter((shards) => shards.reduce((sum, { reports }) => sum + reports, 0) === 0).flat()
  if (empty.length > 0) {
    tx.later(
      sql`DELETE FROM report_hours AS hours USING ${given(ROW, empty)}
        WHERE (hours.tenantId, hours.time, hours.severity, hours.shard) =
          (given.tenantId, given.time, given.severity, given.shard)`,
    )
  }
  return hours.length
}
