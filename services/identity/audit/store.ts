import type { AuditRow } from '#shared/audit/row.ts'
import type { Statement } from 'better-sqlite3'
import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import { COLUMNS, GENESIS, hashOf, type StoredRow } from './chain.ts'
import type { AuditFilter } from './schema.ts'

/** Sort key of a list: time and number. */
export type AuditKey = readonly [time: number, seq: number]

export interface Head {
  seq: number
  hash: Buffer
}

/** The log does not end where whoever adds to it has left it. */
export class OtherEnd extends Error {
  readonly found: Head
  constructor(found: Head) {
    super(`the audit log ends with row ${found.seq}, which this service has not written`)
    this.name = 'OtherEnd'
    this.found = found
  }
}

export type AuditStore = ReturnType<typeof createAuditStore>

/** Conditions by the filter's member. */
const CONDITIONS = {
  from: 'time >= :from',
  to: 'time <= :to',
  event: 'event >= :event AND event < :event || char(1114111)',
  actor: 'actor = :actor',
  target: 'target = :target',
  result: 'result = :result',
  service: 'service = :service',
  ip: 'ip = :ip',
  request_id: 'request_id = :request_id',
} as const satisfies Record<keyof AuditFilter, string>

/** Filters that have an index, the narrowest first: it gives their rows in the order of the list. */
const INDEXES = {
  request_id: 'audit_by_request',
  target: 'audit_by_target',
  actor: 'audit_by_actor',
  ip: 'audit_by_ip',
} as const
const INDEXED = Object.keys(INDEXES) as (keyof typeof INDEXES)[]

/** Rows that one look at the log goes through: a few milliseconds. */
const LOOK = 10_000

const NAMES = COLUMNS.join(', ')

/** All SQL about the audit log. Rows are only ever added, at the end, and taken away at the beginning by retention. */
export function createAuditStore(db: Database) {
  const last = db.prepare<[], Head>('SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1')
  const anchor = db.prepare<[], Head>('SELECT seq, hash FROM audit_anchor')
  const known = db.prepare<[string], number>('SELECT 1 FROM audit WHERE id = ?').pluck()
  const insert = db.prepare(
    `INSERT INTO audit (${NAMES}, hash) VALUES (${COLUMNS.map((column) => `@${column}`).join(', ')}, @hash)`,
  )
  const oldest = db.prepare<[number], Head>('SELECT seq, hash FROM audit ORDER BY seq LIMIT ?')
  const firstKept = db.prepare<[number], number>('SELECT seq FROM audit WHERE time >= ? ORDER BY seq LIMIT 1').pluck()
  const hasAccounts = db.prepare('SELECT 1 FROM accounts LIMIT 1')
  const at = db.prepare<[number], Head>('SELECT seq, hash FROM audit WHERE seq = ?')
  const setAnchor = db.prepare('UPDATE audit_anchor SET seq = ?, hash = ?')
  const drop = db.prepare('DELETE FROM audit WHERE seq <= ?')
  const prepared = new Map<string, Statement<[object], Omit<StoredRow, 'hash'>>>()
  /** @param index keeps SQLite, which knows nothing about the rows, from reading all of them in the order of time */
  function select(names: string, index: string, where: readonly string[], rest: string) {
    const sql = `SELECT ${names} FROM audit INDEXED BY ${index} WHERE ${where.join(' AND ')} ORDER BY time DESC, seq DESC ${rest}`
    const statement = prepared.get(sql) ?? db.prepare<[object], Omit<StoredRow, 'hash'>>(sql)
    prepared.set(sql, statement)
    return statement
  }
  const page = db.prepare<[object], Omit<StoredRow, 'hash'>>(
    `SELECT ${NAMES} FROM audit WHERE tenant = :tenant AND time BETWEEN :from AND :to AND (time, seq) > (:time, :seq)
     ORDER BY time, seq LIMIT :limit`,
  )

  const head = (): Head => last.get() ?? anchor.get() ?? { seq: 0, hash: GENESIS }

  return {
    head,
    /** The last row that retention has deleted. */
    anchor: (): Head => anchor.get() ?? { seq: 0, hash: GENESIS },
    /** Whether this database has neither rows nor accounts, nor had any. */
    isNew: (): boolean => head().seq === 0 && hasAccounts.get() === undefined,
    /** Rows as they follow the last one, without those that are there already. */
    chained(last: Head, rows: readonly AuditRow[]): StoredRow[] {
      let { seq, hash } = last
      const ids = new Set<string>()
      const chained: StoredRow[] = []
      for (const row of rows) {
        if (ids.has(row.id) || known.get(row.id) !== undefined) continue
        ids.add(row.id)
        const next = { ...row, seq: ++seq }
        hash = hashOf(hash, next)
        chained.push({ ...next, hash })
      }
      return chained
    },
    /** Adds rows after the one that they follow; inside a write. @throws OtherEnd when that is not the last one */
    append(last: Head, rows: readonly StoredRow[]): void {
      const found = head()
      if (found.seq !== last.seq || !found.hash.equals(last.hash)) throw new OtherEnd(found)
      for (const row of rows) insert.run(row)
    },
    /**
     * One page of a tenant's rows, newest first, from those that one look goes through: it may hold fewer than `limit`, even
     * none, and have a next one all the same.
     */
    list(tenant: Tenant, filter: AuditFilter, limit: number, after?: AuditKey) {
      const asked = (Object.keys(CONDITIONS) as (keyof AuditFilter)[]).filter((name) => filter[name] !== undefined)
      const narrowest = INDEXED.find((name) => filter[name] !== undefined)
      const index = narrowest === undefined ? 'audit_by_time' : INDEXES[narrowest]
      const isOrdered = (name: keyof AuditFilter) => name === 'from' || name === 'to' || name === narrowest
      const along = ['tenant = :tenant', ...asked.filter(isOrdered).map((name) => CONDITIONS[name])]
      if (after !== undefined) along.push('(time, seq) < (:time, :seq)')
      const others = asked.filter((name) => !isOrdered(name)).map((name) => CONDITIONS[name])
      const given = { ...filter, tenant, time: after?.[0], seq: after?.[1] }
      const look =
        others.length === 0
          ? undefined
          : select('time, seq', index, along, 'LIMIT 1 OFFSET :look').get({ ...given, look: LOOK - 1 })
      if (look !== undefined) along.push('(time, seq) >= (:look_time, :look_seq)')
      const rows = select(NAMES, index, [...along, ...others], 'LIMIT :limit').all({
        ...given,
        limit: limit + 1,
        look_time: look?.time,
        look_seq: look?.seq,
      })
      const end = rows.length > limit ? rows[limit - 1] : look
      return {
        entries: rows.slice(0, limit),
        ...(end === undefined ? {} : { next: [end.time, end.seq] as const }),
      }
    },
    /** The tenant's rows of a span, oldest first, after a key. */
    page: (tenant: Tenant, { from, to }: { from: number; to: number }, [time, seq]: AuditKey, limit: number) =>
      page.all({ tenant, from, to, time, seq, limit }),
    /** The last of the rows at the beginning that are all from before `cutoff` (milliseconds since 1970). */
    lastBefore(cutoff: number): Head | undefined {
      const kept = firstKept.get(cutoff)
      return kept === undefined ? last.get() : at.get(kept - 1)
    },
    /** Deletes rows from the beginning, up to number `end` and at most `limit`; inside a write. @returns how many */
    dropUpTo(end: number, limit: number): number {
      const row = oldest.all(limit).findLast(({ seq }) => seq <= end)
      if (row === undefined) return 0
      setAnchor.run(row.seq, row.hash)
      return drop.run(row.seq).changes
    },
  }
}
