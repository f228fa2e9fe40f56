import type { Database } from '#shared/database.ts'
import type { Finding } from './fold.ts'
import { createFindingSession } from './session.ts'

export type FindingRecord = ReturnType<typeof createFindingRecord>

export const FINDING_COLUMNS = [
  ...['fingerprint', 'rule', 'target', 'message', 'severity', 'verdict', 'state', 'firstSeen', 'lastSeen', 'changedAt'],
  ...['count', 'changes', 'opened', 'lastReportId'],
] as const satisfies readonly (keyof Finding)[]

/** Keeps findings in the write that stores the reports: each is read once and written once, whatever the number of reports. */
export function createFindingRecord(db: Database) {
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

  return {
    /** Gathers what reports say, in their order; `apply` stores it, within the same write. */
    session() {
      const session = createFindingSession((tenantId) => ({
        get: (fingerprint) => get.get(tenantId, fingerprint),
        openAt: (rule, target) => open.all(tenantId, rule, target),
      }))
      return {
        add: session.add,
        apply(): void {
          for (const [tenantId, findings] of session.changed()) {
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
