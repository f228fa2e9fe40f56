import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { WholeReport } from './archive/line.ts'
import type { Place } from './archive/write.ts'
import type { ClockMark } from './clock.ts'

/** What a tenant has said; what it has not is as the settings say. */
export interface GivenPolicy {
  retainDays: number | null
  archive: boolean | null
  /** Milliseconds since 1970. */
  updatedAt: number
  updatedBy: string
}

/** A report with its place in the order of arrival. */
export type OldReport = WholeReport & { seq: number }

/** A report without its content. */
export interface Weighed {
  seq: number
  createdAt: number
  /** Of its text and its markdown. */
  bytes: number
  held: boolean
}

/** Who asked for a run that nobody asked for. */
export const SCHEDULE = 'schedule'

export const RUN_STATES = ['running', 'done', 'failed', 'interrupted'] as const
export type RunState = (typeof RUN_STATES)[number]

/** What a run has done so far. */
export interface RunProgress {
  state: RunState
  /** Reports that went into an archive. */
  archived: number
  deleted: number
  /** Reports that were archived and then stayed, because they changed or got a hold meanwhile. */
  kept: number
  /** Size of the archived reports, and of their archives. */
  reportBytes: number
  archiveBytes: number
  /** What the database gave back to the disk. */
  freedBytes: number
  /** Archives, below the folder of archives. */
  files: string[]
  error?: string
  /** Milliseconds since 1970. */
  finishedAt?: number
}

export interface Run extends RunProgress {
  seq: number
  /** Who asked for it; SCHEDULE when nobody did. */
  requestedBy: string
  /** Somebody vouched for the clock. */
  forcedClock: boolean
  retainDays: number
  cutoffTime: number
  startedAt: number
}

/** A run as answers show it: its number has the same name everywhere. */
export const runItem = ({ seq: run, ...rest }: Run) => ({ run, ...rest })

export interface PolicyRow extends Omit<GivenPolicy, 'archive'> {
  archive: number | null
}

export type RetentionStore = ReturnType<typeof createRetentionStore>

export interface RunRow extends Omit<Run, 'forcedClock' | 'files' | 'error' | 'finishedAt'> {
  forcedClock: number
  files: string
  error: string | null
  finishedAt: number | null
}

const RUN = `seq, state, requestedBy, forcedClock, retainDays, cutoffTime, startedAt, finishedAt, archived, deleted, kept,
  reportBytes, archiveBytes, freedBytes, files, error`
const WHOLE = `seq, id, createdAt, updatedAt, severity, policyVersion, schemaName, labels, markdown, quarantined, errors,
  report`

export const policyOfRow = (row: PolicyRow): GivenPolicy => ({
  ...row,
  archive: row.archive === null ? null : row.archive === 1,
})

export const runOf = ({ forcedClock, files, error, finishedAt, ...rest }: RunRow): Run => ({
  ...rest,
  forcedClock: forcedClock === 1,
  files: JSON.parse(files) as string[],
  ...(error === null ? {} : { error }),
  ...(finishedAt === null ? {} : { finishedAt }),
})

export function createRetentionStore(db: Database) {
  const policy = db.prepare<[string], PolicyRow>(
    'SELECT retainDays, archive, updatedAt, updatedBy FROM retention WHERE tenantId = ?',
  )
  const tenants = db.prepare<[], Tenant>('SELECT DISTINCT tenantId FROM report_counts').pluck()
  const free = 'NOT EXISTS (SELECT 1 FROM report_holds h WHERE h.tenantId = r.tenantId AND h.reportId = r.id)'
  const old = db.prepare<[string, number, number, number, number], OldReport>(
    `SELECT ${WHOLE} FROM reports r WHERE tenantId = ? AND createdAt < ? AND (createdAt, seq) > (?, ?) AND ${free}
     ORDER BY createdAt, seq LIMIT ?`,
  )
  const one = db.prepare<[string, string], OldReport>(
    `SELECT ${WHOLE} FROM reports r WHERE tenantId = ? AND id = ? AND ${free}`,
  )
  const weighed = db.prepare<[string, number, number, number, number], Omit<Weighed, 'held'> & { free: number }>(
    `SELECT seq, createdAt, octet_length(report) + coalesce(octet_length(markdown), 0) AS bytes, ${free} AS free
     FROM reports r WHERE tenantId = ? AND createdAt < ? AND (createdAt, seq) > (?, ?) ORDER BY createdAt, seq LIMIT ?`,
  )
  const newest = db.prepare<[string], number | null>('SELECT max(createdAt) FROM reports WHERE tenantId = ?').pluck()
  const runs = db.prepare<[string, number, number], RunRow>(
    `SELECT ${RUN} FROM retention_runs WHERE tenantId = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
  )
  const scheduled = db
    .prepare<[string], number>(
      `SELECT startedAt FROM retention_runs WHERE tenantId = ? AND requestedBy = '${SCHEDULE}' ORDER BY seq DESC LIMIT 1`,
    )
    .pluck()
  const running = db.prepare("SELECT 1 FROM retention_runs WHERE state = 'running' LIMIT 1")
  const marks = db.prepare<[string], ClockMark>(
    'SELECT boot, now, uptime, alive, accepted FROM retention_clock WHERE tenantId = ?',
  )

  return {
    policy(tenantId: Tenant): GivenPolicy | undefined {
      const row = policy.get(tenantId)
      return row === undefined ? undefined : policyOfRow(row)
    },
    /** Every tenant that ever had a report. */
    tenants: (): Tenant[] => tenants.all(),
    /**
     * A tenant's reports from before `cutoff` (milliseconds since 1970) that are on no hold, oldest first.
     * @returns at most `limit`, and no more after the one with which they exceed `maxBytes`
     */
    old(tenantId: Tenant, cutoff: number, after: Place, limit: number, maxBytes: number): OldReport[] {
      const rows: OldReport[] = []
      let bytes = 0
      for (const row of old.iterate(tenantId, cutoff, ...after, limit)) {
        rows.push(row)
        bytes += row.report.length + (row.markdown?.length ?? 0)
        if (bytes > maxBytes) break
      }
      return rows
    },
    /** Those of a tenant's reports that are there and on no hold, in any order. */
    byIds: (tenantId: Tenant, ids: readonly string[]): OldReport[] =>
      ids.map((id) => one.get(tenantId, id)).filter((row) => row !== undefined),
    /** Sizes of a tenant's reports from before `cutoff`, oldest first. */
    weigh: (tenantId: Tenant, cutoff: number, after: Place, limit: number): Weighed[] =>
      weighed
        .all(tenantId, cutoff, ...after, limit)
        .map(({ free: isFree, ...row }) => ({ ...row, held: isFree === 0 })),
    /** When the newest report of the tenant came. */
    newest: (tenantId: Tenant): number | undefined => newest.get(tenantId) ?? undefined,
    /**
     * The runs of a tenant, newest first.
     * @param before seq of the last one of the page before
     */
    runs(tenantId: Tenant, limit: number, before = Number.MAX_SAFE_INTEGER) {
      const rows = runs.all(tenantId, before, limit + 1).map(runOf)
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return { runs: rows.slice(0, limit), ...(last === undefined ? {} : { next: [last.seq] as const }) }
    },
    /** When the last run of the schedule began. */
    lastScheduled: (tenantId: Tenant): number | undefined => scheduled.get(tenantId),
    /** Whether any tenant has a run that is under way, or was when its process was killed. */
    isRunning: (): boolean => running.get() !== undefined,
    marks: (tenantId: Tenant): ClockMark[] => marks.all(tenantId),
  }
}
