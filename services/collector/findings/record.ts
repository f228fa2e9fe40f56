import type { Database } from '#shared/database.ts'
import type { Finding } from './fold.ts'
import type { FindingsConfig } from './settings.ts'
import { createFindingSession } from './session.ts'

export type FindingRecord = ReturnType<typeof createFindingRecord>

export const FINDING_COLUMNS = [
  ...['fingerprint', 'rule', 'target', 'message', 'severity', 'verdict', 'state', 'firstSeen', 'lastSeen', 'changedAt'],
  ...['count', 'changes', 'opened', 'lastReportId'],
] as const satisfies readonly (keyof Finding)[]

/** Keeps findings in the write that stores the reports: each is read once and written once, whatever the number of reports. */
export function createFindingRecord(db: Database, { FINDINGS_PER_REPORT_MAX, FINDINGS_MAX }: FindingsConfig) {
  const names = FINDING_COLUMNS.join(', ')
  const get = db.prepare<[string, string], Finding>(
    `SELECT ${names} FROM findings WHERE tenantId = ? AND fingerprint = ?`,
  )
  // Without statistics SQLite would rather read all findings of the tenant.
  const open = db.prepare<[string, string, string], Finding>(
    `SELECT ${names} FROM findings INDEXED BY findings_open
     WHERE tenantId = ? AND rule = ? AND target = ? AND state <> 'resolved'`,
  )
  const put = db.prepare(
    `INSERT INTO findings (tenantId, ${names}) VALUES (${Array(FINDING_COLUMNS.length + 1)
      .fill('?')
      .join(', ')})
     ON CONFLICT DO UPDATE SET ${FINDING_COLUMNS.slice(3)
       .map((name) => `${name} = excluded.${name}`)
       .join(', ')}`,
  )
  const note = db.prepare(
    'INSERT INTO finding_events (tenantId, fingerprint, at, event, verdict, reportId) VALUES (?, ?, ?, ?, ?, ?)',
  )

  const count = db.prepare<[string], number>('SELECT count(*) FROM findings WHERE tenantId = ?').pluck()
  /** What each tenant has at most: only this connection adds findings, and whoever deletes some makes it less. */
  const most = new Map<string, number>()
  /** Counted are those of a tenant that comes near the limit, and of one that was not seen before. */
  function roomOf(tenantId: string): number {
    const known = most.get(tenantId) ?? FINDINGS_MAX
    const own = known + FINDINGS_PER_REPORT_MAX < FINDINGS_MAX ? known : (count.get(tenantId) as number)
    most.set(tenantId, own)
    return FINDINGS_MAX - own
  }

  return {
    /** Gathers what reports say, in their order; `apply` stores it, within the same write. */
    session() {
      const session = createFindingSession(
        (tenantId) => ({
          get: (fingerprint) => get.get(tenantId, fingerprint),
          openAt: (rule, target) => open.all(tenantId, rule, target),
          room: () => roomOf(tenantId),
        }),
        FINDINGS_PER_REPORT_MAX,
      )
      return {
        add: session.add,
        apply(): void {
          for (const [tenantId, findings, added] of session.changed()) {
            const own = most.get(tenantId)
            if (own !== undefined) most.set(tenantId, own + added)
            for (const finding of findings) put.run(tenantId, ...FINDING_COLUMNS.map((name) => finding[name]))
          }
          for (const { tenantId, fingerprint, event, verdict, report } of session.events()) {
            note.run(tenantId, fingerprint, report.createdAt, event, verdict, report.id)
          }
        },
      }
    },
  }
}
