import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import type { Removal } from '../reports/removal.ts'
import { noSuchReport } from '../reports/representation.ts'
import type { ReportStore } from '../reports/store.ts'
import type { Expendable } from './archive-reports.ts'
import { noHold } from './holds/refusals.ts'
import type { Hold } from './holds/schema.ts'
import { createHoldStore } from './holds/store.ts'
import { createPolicies } from './policy.ts'
import { createRunRecord } from './record.ts'
import { createSpace } from './space.ts'

interface CommandParts {
  reports: Pick<ReportStore, 'ownerOf'>
  removal: Removal
}

/** What retention changes; each inside a write. */
export function createRetentionCommands(db: Database, config: CollectorConfig, { reports, removal }: CommandParts) {
  const holds = createHoldStore(db)
  const runs = createRunRecord(db, config.RETENTION_RUNS_KEPT)

  function requireReport(tenantId: Tenant, id: string): void {
    if (reports.ownerOf(id) !== tenantId) throw noSuchReport()
  }

  return {
    putRetention: createPolicies(db, config).put,
    putHold(tenantId: Tenant, id: string, hold: Hold): Answer {
      requireReport(tenantId, id)
      holds.put(tenantId, id, hold)
      return { status: 200, body: { id, hold } }
    },
    removeHold(tenantId: Tenant, id: string): Answer {
      requireReport(tenantId, id)
      if (!holds.remove(tenantId, id)) throw noHold()
      return { status: 204 }
    },
    liftHolds: holds.lift,
    removeUnchanged: (tenantId: Tenant, expendable: readonly Expendable[]): number =>
      removal.removeUnchanged(tenantId, expendable),
    startRetentionRun: runs.start,
    noteRetentionRun: runs.note,
    interruptRetentionRuns: runs.interrupt,
    markClock: runs.markClock,
    freeSpace: createSpace(db).free,
  }
}
