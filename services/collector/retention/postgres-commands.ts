import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import { given, type Column } from '../postgres/bulk.ts'
import { timeOfId } from '../postgres/partitions.ts'
import { sql } from '../postgres/sql.ts'
import { lockTenant } from '../postgres/tenant-lock.ts'
import type { Transaction } from '../postgres/transaction.ts'
import type { PostgresRemoval } from '../reports/postgres-removal.ts'
import type { Expendable } from './archive-reports.ts'
import type { ClockMark } from './clock.ts'
import { NOT_HELD, postgresHoldCommands } from './holds/postgres.ts'
import { policyAnswerOf } from './policy.ts'
import { freeSpace } from './postgres-space.ts'
import { lastScheduledIn, runsIn } from './postgres.ts'
import { alreadyRunning, isDone, MARKS_KEPT, type NewRun } from './record.ts'
import type { GivenPolicy, Run, RunProgress } from './store.ts'

const EXPENDABLE: readonly Column<Expendable>[] = [
  { name: 'createdAt', type: 'bigint', of: ([id]) => timeOfId(id) },
  { name: 'id', type: 'text', of: ([id]) => id },
  { name: 'updatedAt', type: 'bigint', of: ([, updatedAt]) => updatedAt },
]

async function markClock(tx: Transaction, tenantId: Tenant, mark: ClockMark): Promise<void> {
  const { boot, now, uptime, alive, accepted } = mark
  tx.later(
    sql`INSERT INTO retention_clock (tenantId, boot, now, uptime, alive, accepted)
      VALUES (${tenantId}, ${boot}, ${now}, ${uptime}, ${alive}, ${accepted})
      ON CONFLICT (tenantId, boot) DO UPDATE SET now = excluded.now, uptime = excluded.uptime, alive = excluded.alive,
        accepted = excluded.accepted`,
  )
  tx.later(
    sql`DELETE FROM retention_clock WHERE tenantId = ${tenantId} AND boot NOT IN
      (SELECT boot FROM retention_clock WHERE tenantId = ${tenantId} ORDER BY alive DESC LIMIT ${MARKS_KEPT})`,
  )
}

/** Of several replicas one runs: whoever has the row, as long as its lease is good. */
const createStart =
  (runsKept: number) =>
  async (tx: Transaction, tenantId: Tenant, run: NewRun): Promise<number | undefined> => {
    tx.later(lockTenant(tenantId))
    const { requestedBy, forcedClock, retainDays, cutoffTime, startedAt, owner, leaseUntil, refusal } = run
    const other = await tx.first<{ seq: number }>(
      sql`SELECT seq FROM retention_runs WHERE tenantId = ${tenantId} AND state = 'running' AND leaseUntil > ${startedAt}`,
    )
    if (other !== undefined) {
      throw alreadyRunning((await runsIn(tx, tenantId, 1, other.seq + 1)).runs[0] as Run)
    }
    if (isDone(run, await lastScheduledIn(tx, tenantId))) return undefined
    tx.later(sql`UPDATE retention_runs SET state = 'interrupted' WHERE tenantId = ${tenantId} AND state = 'running'`)
    const begun = await tx.first<{ seq: number }>(
      sql`INSERT INTO retention_runs (tenantId, state, requestedBy, forcedClock, retainDays, cutoffTime, startedAt,
          finishedAt, error, owner, leaseUntil, archived, deleted, kept, reportBytes, archiveBytes, freedBytes, files)
        VALUES (${tenantId}, ${refusal === undefined ? 'running' : 'failed'}, ${requestedBy}, ${forcedClock ? 1 : 0},
          ${retainDays}, ${cutoffTime}, ${startedAt}, ${refusal === undefined ? null : startedAt}, ${refusal}, ${owner},
          ${leaseUntil}, 0, 0, 0, 0, 0, 0, '[]') RETURNING seq`,
    )
    tx.later(
      sql`DELETE FROM retention_runs WHERE tenantId = ${tenantId} AND seq <=
        (SELECT seq FROM retention_runs WHERE tenantId = ${tenantId} ORDER BY seq DESC LIMIT 1 OFFSET ${runsKept})`,
    )
    if (run.mark !== undefined) await markClock(tx, tenantId, run.mark)
    return begun?.seq
  }

/** What retention changes on PostgreSQL; see commands.ts. */
export const createPostgresRetentionCommands = (config: CollectorConfig, remove: PostgresRemoval) => ({
  ...postgresHoldCommands,
  async putRetention(tx: Transaction, tenantId: Tenant, said: GivenPolicy): Promise<Answer> {
    const { retainDays, archive, updatedAt, updatedBy } = said
    tx.later(
      sql`INSERT INTO retention (tenantId, retainDays, archive, updatedAt, updatedBy)
        VALUES (${tenantId}, ${retainDays}, ${archive === null ? null : Number(archive)}, ${updatedAt}, ${updatedBy})
        ON CONFLICT (tenantId) DO UPDATE SET retainDays = excluded.retainDays, archive = excluded.archive,
          updatedAt = excluded.updatedAt, updatedBy = excluded.updatedBy`,
    )
    return policyAnswerOf(tenantId, said, config)
  },
  async removeUnchanged(tx: Transaction, tenantId: Tenant, expendable: readonly Expendable[]): Promise<number> {
    if (expendable.length === 0) return 0
    tx.later(lockTenant(tenantId))
    return remove(
      tx,
      tenantId,
      sql`(createdAt, id, updatedAt) IN (SELECT createdAt, id, updatedAt FROM ${given(EXPENDABLE, expendable)}) AND ${NOT_HELD}`,
    )
  },
  startRetentionRun: createStart(config.RETENTION_RUNS_KEPT),
  async noteRetentionRun(
    tx: Transaction,
    tenantId: Tenant,
    seq: number,
    progress: RunProgress,
    leaseUntil: number,
  ): Promise<void> {
    const { state, archived, deleted, kept, reportBytes, archiveBytes, freedBytes, files, error, finishedAt } = progress
    tx.later(
      sql`UPDATE retention_runs SET state = ${state}, archived = ${archived}, deleted = ${deleted}, kept = ${kept},
          reportBytes = ${reportBytes}, archiveBytes = ${archiveBytes}, freedBytes = ${freedBytes},
          files = ${JSON.stringify(files)}, error = ${error}, finishedAt = ${finishedAt}, leaseUntil = ${leaseUntil}
        WHERE tenantId = ${tenantId} AND seq = ${seq}`,
    )
  },
  interruptRetentionRuns: (tx: Transaction, _owner: string, now: number): Promise<number> =>
    tx.run(sql`UPDATE retention_runs SET state = 'interrupted' WHERE state = 'running' AND leaseUntil <= ${now}`),
  markClock,
  freeSpace: (tx: Transaction) => freeSpace(tx, Date.now()),
})
