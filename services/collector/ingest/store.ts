import type { Database } from '#shared/database.ts'
import type { FieldError } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Once, Writes } from '#shared/writes.ts'
import type { Sighting } from '../findings/fingerprint.ts'
import type { FindingRecord } from '../findings/record.ts'
import type { Rollups } from '../rollups/store.ts'
import type { Usage } from '../tenants/usage.ts'
import type { ItemOutcome } from './item.ts'
import type { Severity } from './severity.ts'

export interface NewReport {
  id: string
  /** It was stored before, under this id. */
  isRestored: boolean
  tenantId: Tenant
  /** Milliseconds since 1970. */
  createdAt: number
  severity: Severity | undefined
  policyVersion: string | undefined
  markdown: string | undefined
  /** JSON text. */
  report: string
  /** Of the report and its markdown. */
  hash: Buffer
  /** What does not fit its schema; it is stored in quarantine then. */
  errors: FieldError[]
  /** What it says of findings. */
  sightings: Sighting[]
  schemaName: string | undefined
  /** JSON text. */
  labels: string | undefined
  labelsDropped: number
  once: Once | undefined
}

/** What became of a report that was not there. */
export function outcomeOf({ id, severity, report, errors, labelsDropped }: NewReport): ItemOutcome {
  const counted = { severity, bytes: Buffer.byteLength(report), labelsDropped }
  return errors.length === 0 ? { status: 'stored', id, counted } : { status: 'quarantined', id, counted, errors }
}

export type IngestStore = ReturnType<typeof createIngestStore>

const HOUR_MS = 3_600_000

interface IngestParts {
  rollups: Rollups
  findings: FindingRecord
  usage: Usage
  once: Writes['once']
  /** For so long the same report is stored only once; 0 stores it every time. */
  dedupeHours: number
}

/** What is gathered in one write. */
interface Session {
  tally: ReturnType<Rollups['tally']>
  told: ReturnType<FindingRecord['session']>
  used: ReturnType<Usage['tally']>
}

/** The answer of a single report, as it is remembered. */
export const ingestedBody = (id: string): string => `{"id":"${id}","status":"ingested"}`

export function createIngestStore(db: Database, { rollups, findings, usage, once, dedupeHours }: IngestParts) {
  const insert = db.prepare(
    `INSERT INTO reports (id, tenantId, createdAt, updatedAt, severity, policyVersion, markdown, report,
       quarantined, errors, schemaName, labels)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  // The content is taken when nobody has it, or who had it is too long ago or deleted.
  const claim = db.prepare<[string, Buffer, string, number, number]>(
    `INSERT INTO report_hashes AS known (tenantId, hash, reportId, createdAt) VALUES (?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET reportId = excluded.reportId, createdAt = excluded.createdAt
     WHERE known.createdAt <= ? OR NOT EXISTS (SELECT 1 FROM reports WHERE id = known.reportId)`,
  )
  const holder = db
    .prepare<[string, Buffer], string>('SELECT reportId FROM report_hashes WHERE tenantId = ? AND hash = ?')
    .pluck()
  const forget = db.prepare<[number, number]>(
    `DELETE FROM report_hashes WHERE (tenantId, hash) IN
       (SELECT tenantId, hash FROM report_hashes WHERE createdAt <= ? LIMIT ?)`,
  )
  const present = db.prepare<[string], number>('SELECT 1 FROM reports WHERE id = ?').pluck()
  const cutoffAt = (now: number) => now - dedupeHours * HOUR_MS

  function addOne(report: NewReport, { tally, told, used }: Session): ItemOutcome {
    const { id, tenantId, createdAt, severity, policyVersion, markdown, hash, errors, schemaName, labels } = report
    if (report.isRestored && present.get(id) !== undefined) return { status: 'duplicate', id }
    if (
      dedupeHours > 0 &&
      !report.isRestored &&
      claim.run(tenantId, hash, id, createdAt, cutoffAt(createdAt)).changes === 0
    ) {
      return { status: 'duplicate', id: holder.get(tenantId, hash) as string }
    }
    const quarantined = errors.length === 0 ? 0 : 1
    const faults = quarantined === 0 ? undefined : JSON.stringify(errors)
    insert.run(
      ...[id, tenantId, createdAt, createdAt, severity, policyVersion, markdown, report.report],
      ...[quarantined, faults, schemaName, labels],
    )
    tally.count({ tenantId, createdAt, severity, quarantined }, 1)
    told.add(tenantId, report, report.sightings)
    const bytes = Buffer.byteLength(report.report) + Buffer.byteLength(markdown ?? '')
    if (report.isRestored) used.returned({ tenantId, bytes })
    else used.came({ tenantId, createdAt, bytes })
    return outcomeOf(report)
  }

  return {
    /** Stores reports, within one write; the same content within the time of remembrance is stored once. */
    add(reports: readonly NewReport[]): ItemOutcome[] {
      const session = { tally: rollups.tally(), told: findings.session(), used: usage.tally() }
      const outcomes = reports.map((report): ItemOutcome => {
        if (report.once === undefined) return addOne(report, session)
        let outcome: ItemOutcome | undefined
        const { body } = once(report.once, () => {
          outcome = addOne(report, session)
          return { status: 201, body: ingestedBody((outcome as { id: string }).id) }
        })
        return outcome ?? { status: 'duplicate', id: (JSON.parse(body as string) as { id: string }).id }
      })
      session.tally.apply()
      session.told.apply()
      session.used.apply()
      return outcomes
    },
    /** Forgets contents that are past their time, at most `limit`; @returns how many */
    forgetContents: (now: number, limit: number): number => forget.run(cutoffAt(now), limit).changes,
  }
}
