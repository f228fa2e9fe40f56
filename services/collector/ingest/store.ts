import type { Database } from '#shared/database.ts'
import type { FieldError } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Once, Writes } from '#shared/writes.ts'
import type { Sighting } from '../findings/fingerprint.ts'
import type { FindingRecord } from '../findings/record.ts'
import type { Hold } from '../retention/holds/schema.ts'
import type { HoldStore } from '../retention/holds/store.ts'
import type { Rollups } from '../rollups/store.ts'
import type { Usage } from '../tenants/usage.ts'
import { NO_TAG, tagOf, type Contents } from './contents.ts'
import type { SearchRecord } from '../search/record.ts'
import type { Said } from '../search/terms.ts'
import type { ItemOutcome } from './item.ts'
import type { Severity } from './severity.ts'

export interface NewReport {
  id: string
  /** It was stored before, under this id. */
  isRestored: boolean
  hold: Hold | undefined
  tenantId: Tenant
  /** Milliseconds since 1970. */
  createdAt: number
  updatedAt: number
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
  /** What it is found by. */
  said: Said
  /** The findings were told of it when it came first. */
  isKnown: boolean
  schemaName: string | undefined
  /** JSON text. */
  labels: string | undefined
  keptLabels: Readonly<Record<string, unknown>> | undefined
  labelsDropped: number
  once: Once | undefined
}

/**
 * What became of a report that came back under an id that is there. Whose it is decides, and nobody is told that there is one of
 * another tenant.
 */
export const returnedTwice = (id: string, isOwn: boolean): ItemOutcome =>
  isOwn
    ? { status: 'duplicate', id }
    : { status: 'rejected', errors: [{ in: 'body', field: 'id', message: 'cannot be restored' }] }

/** What became of a report that was not there. */
export function outcomeOf(
  { id, severity, report, errors, labelsDropped }: NewReport,
  findingsDropped: number,
): ItemOutcome {
  const counted = { severity, bytes: Buffer.byteLength(report), labelsDropped, findingsDropped }
  return errors.length === 0 ? { status: 'stored', id, counted } : { status: 'quarantined', id, counted, errors }
}

interface IngestParts {
  rollups: Rollups
  findings: FindingRecord
  search: SearchRecord
  usage: Usage
  holds: Pick<HoldStore, 'add'>
  /** Without it every report is stored every time. */
  contents: Contents | undefined
  once: Writes['once']
}

/** What is gathered in one write. */
interface Session {
  tally: ReturnType<Rollups['tally']>
  told: ReturnType<FindingRecord['session']>
  found: ReturnType<SearchRecord['session']>
  used: ReturnType<Usage['tally']>
  known: ReturnType<Contents['session']> | undefined
}

/** The answer of a single report, as it is remembered. */
export const ingestedBody = (id: string): string => `{"id":"${id}","status":"ingested"}`

export function createIngestStore(
  db: Database,
  { rollups, findings, search, usage, holds, contents, once }: IngestParts,
) {
  const insert = db.prepare(
    `INSERT INTO reports (seq, id, tenantId, createdAt, updatedAt, severity, policyVersion, markdown, report,
       quarantined, errors, schemaName, labels)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const present = db.prepare<[string], string>('SELECT tenantId FROM reports WHERE id = ?').pluck()

  function addOne(report: NewReport, { tally, told, found, used, known }: Session): ItemOutcome {
    const { id, tenantId, createdAt, updatedAt, severity, policyVersion, markdown, hash, errors, schemaName } = report
    const owner = report.isRestored ? present.get(id) : undefined
    if (owner !== undefined) return returnedTwice(id, owner === tenantId)
    const tag = report.isRestored || known === undefined ? NO_TAG : tagOf(tenantId, hash)
    const holder = tag === NO_TAG ? undefined : known?.holder(tag, report)
    if (holder !== undefined) return { status: 'duplicate', id: holder }
    const quarantined = errors.length === 0 ? 0 : 1
    const faults = quarantined === 0 ? undefined : JSON.stringify(errors)
    const seq = found.next()
    insert.run(
      ...[seq, id, tenantId, createdAt, updatedAt, severity, policyVersion, markdown, report.report],
      ...[quarantined, faults, schemaName, report.labels],
    )
    if (report.hold !== undefined) holds.add(tenantId, id, report.hold)
    known?.add(seq, tag)
    tally.count({ tenantId, createdAt, severity, quarantined }, 1)
    found.add(seq, report)
    const dropped = report.isKnown ? 0 : told.add(tenantId, report, report.sightings)
    const bytes = Buffer.byteLength(report.report) + Buffer.byteLength(markdown ?? '')
    if (report.isRestored) used.returned({ tenantId, bytes })
    else used.came({ tenantId, createdAt, isQuarantined: quarantined === 1, bytes })
    return outcomeOf(report, dropped)
  }

  return {
    /** Stores reports, within one write; the same content within the time of remembrance is stored once. */
    add(reports: readonly NewReport[]): ItemOutcome[] {
      const session = {
        tally: rollups.tally(),
        told: findings.session(),
        found: search.session(),
        used: usage.tally(),
        known: contents?.session(Date.now()),
      }
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
      session.found.apply()
      session.used.apply()
      session.known?.apply()
      return outcomes
    },
  }
}
