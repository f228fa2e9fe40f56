import type { Database } from '#shared/database.ts'
import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { ClockMark } from './clock.ts'
import { createRetentionStore, runItem, type Run, type RunProgress } from './store.ts'

export interface NewRun {
  requestedBy: string
  forcedClock: boolean
  retainDays: number
  cutoffTime: number
  startedAt: number
  /** Names the process, and until when others need not ask whether it is still there. */
  owner: string
  leaseUntil: number
  /** Of the schedule: when it was due. */
  dueAt?: number
  /** Why it must not run: it is only noted then. */
  refusal?: string
  mark?: ClockMark
}

export const alreadyRunning = (run: Run) =>
  new Problem('conflict', { detail: 'A retention run of this tenant is under way', extensions: { run: runItem(run) } })

/** Whether the schedule's run was begun already since it was due; one from the future says nothing. */
export const isDone = ({ dueAt, startedAt }: NewRun, last: number | undefined): boolean =>
  dueAt !== undefined && last !== undefined && last >= dueAt && last <= startedAt

/** Readings of the clock that are kept for a tenant: those of the last starts of its machines. */
export const MARKS_KEPT = 20

/** What runs leave behind; all of it inside a write. */
export function createRunRecord(db: Database, runsKept: number) {
  const store = createRetentionStore(db)
  // The file has one process: what another one began is not under way any more, whatever its lease.
  const underWay = db
    .prepare<[string, string], number>(
      "SELECT seq FROM retention_runs WHERE tenantId = ? AND state = 'running' AND owner = ?",
    )
    .pluck()
  const interrupt = db.prepare<[string]>(
    "UPDATE retention_runs SET state = 'interrupted' WHERE state = 'running' AND owner <> ?",
  )
  const insert = db.prepare(
    `INSERT INTO retention_runs (tenantId, state, requestedBy, forcedClock, retainDays, cutoffTime, startedAt, finishedAt,
       error, owner, leaseUntil, archived, deleted, kept, reportBytes, archiveBytes, freedBytes, files)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0, '[]')`,
  )
  const forget = db.prepare(
    `DELETE FROM retention_runs WHERE tenantId = ? AND seq <=
       (SELECT seq FROM retention_runs WHERE tenantId = ? ORDER BY seq DESC LIMIT 1 OFFSET ?)`,
  )
  const update = db.prepare(
    `UPDATE retention_runs SET state = ?, archived = ?, deleted = ?, kept = ?, reportBytes = ?, archiveBytes = ?,
       freedBytes = ?, files = ?, error = ?, finishedAt = ?, leaseUntil = ? WHERE tenantId = ? AND seq = ?`,
  )
  const mark = db.prepare(
    `INSERT INTO retention_clock (tenantId, boot, now, uptime, alive, accepted) VALUES (?, ?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET now = excluded.now, uptime = excluded.uptime, alive = excluded.alive,
       accepted = excluded.accepted`,
  )
  const forgetMarks = db.prepare(
    `DELETE FROM retention_clock WHERE tenantId = ? AND boot NOT IN
       (SELECT boot FROM retention_clock WHERE tenantId = ? ORDER BY alive DESC LIMIT ?)`,
  )

  function markClock(tenantId: Tenant, { boot, now, uptime, alive, accepted }: ClockMark): void {
    mark.run(tenantId, boot, now, uptime, alive, accepted)
    forgetMarks.run(tenantId, tenantId, MARKS_KEPT)
  }

  return {
    /**
     * Begins a run. @returns its seq; undefined when the schedule's was begun elsewhere already
     * @throws Problem conflict (409), with the run that is under way
     */
    start(tenantId: Tenant, run: NewRun): number | undefined {
      const { requestedBy, forcedClock, retainDays, cutoffTime, startedAt, owner, leaseUntil, refusal } = run
      const other = underWay.get(tenantId, owner)
      if (other !== undefined) throw alreadyRunning(store.runs(tenantId, 1, other + 1).runs[0] as Run)
      if (isDone(run, store.lastScheduled(tenantId))) return undefined
      interrupt.run(owner)
      const [state, finishedAt] = refusal === undefined ? ['running', undefined] : ['failed', startedAt]
      const { lastInsertRowid } = insert.run(
        ...[tenantId, state, requestedBy, forcedClock ? 1 : 0, retainDays, cutoffTime, startedAt, finishedAt],
        ...[refusal, owner, leaseUntil],
      )
      forget.run(tenantId, tenantId, runsKept)
      if (run.mark !== undefined) markClock(tenantId, run.mark)
      return Number(lastInsertRowid)
    },
    note(tenantId: Tenant, seq: number, progress: RunProgress, leaseUntil: number): void {
      const { state, archived, deleted, kept, reportBytes, archiveBytes, freedBytes, files, error, finishedAt } =
        progress
      update.run(
        ...[state, archived, deleted, kept, reportBytes, archiveBytes, freedBytes, JSON.stringify(files)],
        ...[error, finishedAt, leaseUntil, tenantId, seq],
      )
    },
    /** Notes of runs whose process is gone that they were interrupted. */
    interrupt: (owner: string, _now: number): number => interrupt.run(owner).changes,
    markClock,
  }
}
