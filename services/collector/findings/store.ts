import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Finding, FindingEvent } from './fold.ts'
import type { FindingFilter } from './schema.ts'

/** Why nobody wants to hear of a finding for a while. Times are milliseconds since 1970. */
export interface Mute {
  reason: string
  until: number
  by: string
}

export interface FindingItem extends Omit<Finding, 'changes' | 'opened'> {
  /** Whether its verdict changes from report to report. */
  flaky: boolean
  muted?: Mute
}

export interface HistoryEntry {
  at: number
  event: FindingEvent
  verdict: string
  reportId: string
}

export type FindingStore = ReturnType<typeof createFindingStore>

export type FindingRow = Finding & { mutedReason: string | null; mutedUntil: number | null; mutedBy: string | null }

/** @param flakyChanges so many changes of its verdict make a finding flaky */
export function itemOf(row: FindingRow, now: number, flakyChanges: number): FindingItem {
  const { mutedReason, mutedUntil, mutedBy, changes, opened: _opened, ...rest } = row
  const { tenantId: _tenant, ...finding } = rest as typeof rest & { tenantId?: string }
  const isMuted = mutedUntil !== null && mutedUntil > now
  return {
    ...finding,
    flaky: changes >= flakyChanges,
    ...(isMuted ? { muted: { reason: mutedReason as string, until: mutedUntil, by: mutedBy as string } } : {}),
  }
}

/** Conditions by the filter's member. */
const CONDITIONS = {
  state: "(state = :state OR (:state = 'open' AND state = 'reopened'))",
  rule: 'rule = :rule',
  target: 'target = :target',
  severity: 'severity = :severity',
  flaky: '(changes >= :flakyChanges) = :flaky',
  muted: '(coalesce(mutedUntil, 0) > :now) = :muted',
  since: 'lastSeen >= :since',
  until: 'lastSeen <= :until',
} as const satisfies Record<keyof FindingFilter, string>

/** @param flakyChanges so many changes of its verdict make a finding flaky */
export function createFindingStore(db: Database, flakyChanges: number) {
  const get = db.prepare<[string, string], FindingRow>('SELECT * FROM findings WHERE tenantId = ? AND fingerprint = ?')
  const history = db.prepare<[string, string, number, number], HistoryEntry & { seq: number }>(
    `SELECT at, event, verdict, reportId, seq FROM finding_events
     WHERE tenantId = ? AND fingerprint = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
  )
  const mute = db.prepare(
    'UPDATE findings SET mutedReason = ?, mutedUntil = ?, mutedBy = ? WHERE tenantId = ? AND fingerprint = ?',
  )
  const removeEvents = db.prepare<[string, number, number]>(
    `DELETE FROM finding_events WHERE seq IN
       (SELECT seq FROM finding_events WHERE tenantId = ? AND at < ? ORDER BY at LIMIT ?)`,
  )
  const remove = db.prepare<[string, number, number]>(
    `DELETE FROM findings WHERE (tenantId, fingerprint) IN
       (SELECT tenantId, fingerprint FROM findings WHERE tenantId = ? AND lastSeen < ? ORDER BY lastSeen LIMIT ?)`,
  )
  const prepared = new Map<string, ReturnType<typeof prepare>>()
  const prepare = (where: string) => ({
    count: db.prepare<[object], number>(`SELECT count(*) FROM findings WHERE ${where}`).pluck(),
    page: db.prepare<[object], FindingRow>(
      `SELECT * FROM findings WHERE ${where} AND (lastSeen, fingerprint) < (:lastSeen, :fingerprint)
       ORDER BY lastSeen DESC, fingerprint DESC LIMIT :limit`,
    ),
  })

  return {
    /**
     * A page of a tenant's findings, those seen last first, and the exact number of all. `open` includes reopened ones.
     * @param after lastSeen and fingerprint of the last one of the page before
     */
    list(tenantId: Tenant, filter: FindingFilter, limit: number, now: number, after?: readonly [number, string]) {
      const members = (Object.keys(CONDITIONS) as (keyof FindingFilter)[]).filter((name) => filter[name] !== undefined)
      const where = ['tenantId = :tenantId', ...members.map((name) => CONDITIONS[name])].join(' AND ')
      const statements = prepared.get(where) ?? prepare(where)
      prepared.set(where, statements)
      const [lastSeen, fingerprint] = after ?? [Number.MAX_SAFE_INTEGER, '']
      const given = {
        ...filter,
        ...(filter.flaky === undefined ? {} : { flaky: filter.flaky ? 1 : 0, flakyChanges }),
        ...(filter.muted === undefined ? {} : { muted: filter.muted ? 1 : 0, now }),
        tenantId,
      }
      const rows = statements.page.all({ ...given, lastSeen, fingerprint, limit: limit + 1 })
      const last = rows.length > limit ? (rows[limit - 1] as FindingRow) : undefined
      return {
        findings: rows.slice(0, limit).map((row) => itemOf(row, now, flakyChanges)),
        totalCount: statements.count.get(given) as number,
        ...(last === undefined ? {} : { next: [last.lastSeen, last.fingerprint] as const }),
      }
    },
    get(tenantId: Tenant, fingerprint: string, now: number): FindingItem | undefined {
      const row = get.get(tenantId, fingerprint)
      return row === undefined ? undefined : itemOf(row, now, flakyChanges)
    },
    /**
     * What happened to a finding, newest first.
     * @param before seq of the last entry of the page before
     */
    history(tenantId: Tenant, fingerprint: string, limit: number, before = Number.MAX_SAFE_INTEGER) {
      const rows = history.all(tenantId, fingerprint, before, limit + 1)
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        history: rows.slice(0, limit).map(({ seq: _seq, ...entry }) => entry),
        ...(last === undefined ? {} : { next: [last.seq] as const }),
      }
    },
    /** Mutes a finding, or ends that; @returns whether it is there */
    mute(tenantId: Tenant, fingerprint: string, given: Mute | undefined): boolean {
      const { reason = null, until = null, by = null } = given ?? {}
      return mute.run(reason, until, by, tenantId, fingerprint).changes === 1
    },
    /** Deletes at most `limit` findings and as many events that are older than `cutoff`; @returns how many at most of one kind */
    removeBefore(tenantId: Tenant, cutoff: number, limit: number): number {
      const events = removeEvents.run(tenantId, cutoff, limit).changes
      return Math.max(events, remove.run(tenantId, cutoff, limit).changes)
    },
  }
}
