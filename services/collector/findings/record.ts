import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Sighting } from './fingerprint.ts'
import { passedOver, seen, type Finding, type FindingEvent, type Folded, type Speaker } from './fold.ts'

export type FindingRecord = ReturnType<typeof createFindingRecord>

const COLUMNS = [
  ...['fingerprint', 'rule', 'target', 'message', 'severity', 'verdict', 'state', 'firstSeen', 'lastSeen', 'changedAt'],
  ...['count', 'changes', 'opened', 'lastReportId'],
] as const satisfies readonly (keyof Finding)[]

interface Happened {
  tenantId: Tenant
  fingerprint: string
  event: FindingEvent
  verdict: string
  report: Speaker
}

/** Keeps findings in the write that stores the reports: each is read once and written once, whatever the number of reports. */
export function createFindingRecord(db: Database) {
  const names = COLUMNS.join(', ')
  const get = db.prepare<[string, string], Finding>(
    `SELECT ${names} FROM findings WHERE tenantId = ? AND fingerprint = ?`,
  )
  // Without statistics SQLite would rather read all findings of the tenant.
  const open = db.prepare<[string, string, string], Finding>(
    `SELECT ${names} FROM findings INDEXED BY findings_open
     WHERE tenantId = ? AND rule = ? AND target = ? AND state <> 'resolved'`,
  )
  const put = db.prepare(
    `INSERT INTO findings (tenantId, ${names}) VALUES (${Array(COLUMNS.length + 1)
      .fill('?')
      .join(', ')})
     ON CONFLICT DO UPDATE SET ${COLUMNS.slice(3)
       .map((name) => `${name} = excluded.${name}`)
       .join(', ')}`,
  )
  const note = db.prepare(
    'INSERT INTO finding_events (tenantId, fingerprint, at, event, verdict, reportId) VALUES (?, ?, ?, ?, ?, ?)',
  )

  /** Findings of one tenant while a write goes on. */
  function createTenantView(tenantId: Tenant) {
    const known = new Map<string, Finding | undefined>()
    const dirty = new Set<string>()
    const places = new Map<string, Set<string>>()

    function find(fingerprint: string): Finding | undefined {
      if (!known.has(fingerprint)) known.set(fingerprint, get.get(tenantId, fingerprint))
      return known.get(fingerprint)
    }

    /** Fingerprints of what may be open at a place. */
    function openAt(rule: string, target: string): Set<string> {
      const key = JSON.stringify([rule, target])
      const found = places.get(key)
      if (found !== undefined) return found
      const rows = open.all(tenantId, rule, target)
      for (const row of rows) if (!known.has(row.fingerprint)) known.set(row.fingerprint, row)
      const fresh = new Set(rows.map(({ fingerprint }) => fingerprint))
      places.set(key, fresh)
      return fresh
    }

    return {
      find,
      openAt,
      set(finding: Finding): void {
        known.set(finding.fingerprint, finding)
        dirty.add(finding.fingerprint)
      },
      store(): void {
        for (const fingerprint of dirty) {
          const finding = known.get(fingerprint) as Finding
          put.run(tenantId, ...COLUMNS.map((name) => finding[name]))
        }
      },
    }
  }

  return {
    /** Gathers what reports say, in their order; `apply` stores it, within the same write. */
    session() {
      const views = new Map<Tenant, ReturnType<typeof createTenantView>>()
      const events: Happened[] = []

      return {
        add(tenantId: Tenant, report: Speaker, sightings: readonly Sighting[]): void {
          if (sightings.length === 0) return
          const view = views.get(tenantId) ?? createTenantView(tenantId)
          views.set(tenantId, view)
          const fold = ({ finding, event }: Folded) => {
            view.set(finding)
            if (event === undefined) return
            events.push({ tenantId, fingerprint: finding.fingerprint, event, verdict: finding.verdict, report })
          }
          const spoken = new Set(sightings.map(({ fingerprint }) => fingerprint))
          for (const sighting of sightings) {
            const atPlace = view.openAt(sighting.rule, sighting.target)
            for (const fingerprint of atPlace) {
              if (spoken.has(fingerprint)) continue
              const folded = passedOver(view.find(fingerprint) as Finding, report)
              if (folded.event === undefined) continue
              fold(folded)
              atPlace.delete(fingerprint)
            }
            fold(seen(view.find(sighting.fingerprint), sighting, report))
            const isOpen = view.find(sighting.fingerprint)?.state !== 'resolved'
            if (isOpen) atPlace.add(sighting.fingerprint)
            else atPlace.delete(sighting.fingerprint)
          }
        },
        apply(): void {
          for (const view of views.values()) view.store()
          for (const { tenantId, fingerprint, event, verdict, report } of events) {
            note.run(tenantId, fingerprint, report.createdAt, event, verdict, report.id)
          }
        },
      }
    },
  }
}
