import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import type { Removal } from '../reports/removal.ts'
import { noSuchReport } from '../reports/representation.ts'
import type { SearchRecord } from '../search/record.ts'
import type { Expendable } from './archive-reports.ts'
import { noHold } from './holds/refusals.ts'
import type { Hold } from './holds/schema.ts'
import { createHoldStore } from './holds/store.ts'
import { createPolicies } from './policy.ts'
import { createRunRecord } from './record.ts'
import { createSpace } from './space.ts'

interface CommandParts {
  removal: Removal
  search: Pick<SearchRecord, 'mark'>
}

/** What retention changes; each inside a write. */
export function createRetentionCommands(db: Database, config: CollectorConfig, { removal, search }: CommandParts) {
  const holds = createHoldStore(db)
  const runs = createRunRecord(db, config.RETENTION_RUNS_KEPT)

  const place = db.prepare<[string, string], number>('SELECT seq FROM reports WHERE id = ? AND tenantId = ?').pluck()

  function placeOf(tenantId: Tenant, id: string): number {
    const seq = place.get(id, tenantId)
    if (seq === undefined) throw noSuchReport()
    return seq
  }

  return {
    putRetention: createPolicies(db, config).put,
    putHold(tenantId: Tenant, id: string, hold: Hold): Answer {
      search.mark(tenantId, placeOf(tenantId, id), 'held', true)
      holds.put(tenantId, id, hold)
      return { status: 200, body: { id, hold } }
    },
    removeHold(tenantId: Tenant, id: string): Answer {
      const seq = placeOf(tenantId, id)
      if (!holds.remove(tenantId, id)) throw noHold()
      search.mark(tenantId, seq, 'held', false)
      return { status: 204 }
    },
    /** Lifts at most `limit` holds that are over at `now`; @returns how many */
    liftHolds(tenantId: Tenant, now: number, limit: number): number {
      const ids = holds.lift(tenantId, now, limit)
      for (const id of ids) search.mark(tenantId, placeOf(tenantId, id), 'held', false)
      return ids.length
    },
    removeUnchanged: (tenantId: Tenant, expendable: readonly Expendable[]): number =>
      removal.removeUnchanged(tenantId, expendable),
    startRetentionRun: runs.start,
    noteRetentionRun: runs.note,
    interruptRetentionRuns: runs.interrupt,
    markClock: runs.markClock,
    freeSpace: createSpace(db).free,
  }
}
