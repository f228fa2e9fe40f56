import type { Tenant } from '#shared/scope.ts'
import type { Sighting } from './fingerprint.ts'
import { passedOver, seen, type Finding, type FindingEvent, type Folded, type Speaker } from './fold.ts'

/** What is stored of one tenant's findings. */
export interface KnownFindings {
  get(fingerprint: string): Finding | undefined
  /** Those that may be open at a place. */
  openAt(rule: string, target: string): readonly Finding[]
  /** How many new ones the tenant may have. */
  room(): number
}

export interface Happened {
  tenantId: Tenant
  fingerprint: string
  event: FindingEvent
  verdict: string
  report: Speaker
}

/** Findings of one tenant while a write goes on. */
function createTenantView(stored: KnownFindings) {
  const known = new Map<string, Finding | undefined>()
  const dirty = new Set<string>()
  /** Unknown until something new comes. */
  let room: number | undefined
  let added = 0
  /** By rule and target. */
  const places = new Map<string, Map<string, Set<string>>>()

  function find(fingerprint: string): Finding | undefined {
    if (!known.has(fingerprint)) known.set(fingerprint, stored.get(fingerprint))
    return known.get(fingerprint)
  }

  /** Fingerprints of what may be open at a place. */
  function openAt(rule: string, target: string): Set<string> {
    const targets = places.get(rule) ?? new Map<string, Set<string>>()
    places.set(rule, targets)
    const found = targets.get(target)
    if (found !== undefined) return found
    const rows = stored.openAt(rule, target)
    for (const row of rows) if (!known.has(row.fingerprint)) known.set(row.fingerprint, row)
    const fresh = new Set(rows.map(({ fingerprint }) => fingerprint))
    targets.set(target, fresh)
    return fresh
  }

  return {
    find,
    openAt,
    /** Whether there is room for a new one; it is taken then. */
    take(): boolean {
      room ??= stored.room()
      if (added >= room) return false
      added++
      return true
    },
    set(finding: Finding): void {
      known.set(finding.fingerprint, finding)
      dirty.add(finding.fingerprint)
    },
    changed: (): Finding[] => [...dirty].map((fingerprint) => known.get(fingerprint) as Finding),
    added: (): number => added,
  }
}

/**
 * Gathers what reports say of findings, in their order, while a write goes on: each finding is asked for once and changes once,
 * whatever the number of reports.
 */
export function createFindingSession(storedOf: (tenant: Tenant) => KnownFindings, perReport: number) {
  const views = new Map<Tenant, ReturnType<typeof createTenantView>>()
  const events: Happened[] = []

  return {
    /** @returns how many of them are recorded in no finding: more than one report or tenant may have */
    add(tenantId: Tenant, report: Speaker, sightings: readonly Sighting[]): number {
      if (sightings.length === 0) return 0
      const view = views.get(tenantId) ?? createTenantView(storedOf(tenantId))
      views.set(tenantId, view)
      const fold = ({ finding, event }: Folded) => {
        view.set(finding)
        if (event === undefined) return
        events.push({ tenantId, fingerprint: finding.fingerprint, event, verdict: finding.verdict, report })
      }
      const spoken = new Set(sightings.map(({ fingerprint }) => fingerprint))
      let dropped = Math.max(0, sightings.length - perReport)
      for (const sighting of sightings.slice(0, perReport)) {
        const atPlace = view.openAt(sighting.rule, sighting.target)
        for (const fingerprint of atPlace) {
          if (spoken.has(fingerprint)) continue
          const folded = passedOver(view.find(fingerprint) as Finding, report)
          if (folded.event === undefined) continue
          fold(folded)
          atPlace.delete(fingerprint)
        }
        const known = view.find(sighting.fingerprint)
        if (known === undefined && !view.take()) {
          dropped++
          continue
        }
        fold(seen(known, sighting, report))
        const isOpen = view.find(sighting.fingerprint)?.state !== 'resolved'
        if (isOpen) atPlace.add(sighting.fingerprint)
        else atPlace.delete(sighting.fingerprint)
      }
      return dropped
    },
    /** Findings that are others now, by tenant, and how many of them are new. */
    changed: (): (readonly [Tenant, Finding[], added: number])[] =>
      [...views].map(([tenant, view]) => [tenant, view.changed(), view.added()]),
    /** What happened to them, in its order. */
    events: (): readonly Happened[] => events,
  }
}
