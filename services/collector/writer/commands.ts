import type { Database } from '#shared/database.ts'
import { etagOf, requireMatch } from '#shared/etag.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer, Writes } from '#shared/writes.ts'
import { ALERT_COMMAND_NAMES } from '../alerts/commands.ts'
import { createSqliteAlertCommands } from '../alerts/sqlite.ts'
import { createAuditStore } from '../audit/store.ts'
import type { CollectorConfig } from '../config.ts'
import { createExportCommands } from '../exports/commands.ts'
import { createMuting } from '../findings/mute.ts'
import { createFindingRecord } from '../findings/record.ts'
import { createFindingStore } from '../findings/store.ts'
import { createContents } from '../ingest/contents.ts'
import { createIngestStore } from '../ingest/store.ts'
import { createRemoval } from '../reports/removal.ts'
import { noSuchReport, representation } from '../reports/representation.ts'
import { createReportStore } from '../reports/store.ts'
import { createSeries } from '../rollups/series.ts'
import { createRollups } from '../rollups/store.ts'
import { createRetentionCommands } from '../retention/commands.ts'
import { onHold } from '../retention/holds/refusals.ts'
import { createHoldStore } from '../retention/holds/store.ts'
import { createSearchRecord } from '../search/record.ts'
import { createReplay } from '../schemas/replay.ts'
import { createRegistry } from '../schemas/registry.ts'
import { createSchemaStore } from '../schemas/store.ts'
import { createValidators } from '../schemas/validators.ts'
import { createTenantCommands } from '../tenants/commands.ts'
import { createTenantStore } from '../tenants/store.ts'
import { createUsage } from '../tenants/usage.ts'

export type Commands = ReturnType<typeof createCommands>['commands']

/** Commands that change nothing that a versioned answer shows. The others have their tenant as first argument. */
export const SILENT_COMMANDS: ReadonlySet<string> = new Set<keyof Commands>([
  'remember',
  'addAuditEntries',
  'removeAuditBefore',
  'forgetContents',
  'forgetFineBuckets',
  'addToken',
  'removeTokensOver',
  'useToken',
  'revokeToken',
  'addFirstBundleKey',
  'rotateBundleKey',
  'resealBundleKey',
  'startRetentionRun',
  'noteRetentionRun',
  'interruptRetentionRuns',
  'markClock',
  'freeSpace',
  'addRefusals',
  'removeUsageBefore',
  ...ALERT_COMMAND_NAMES,
])

/**
 * Everything that changes the database, by name. A command runs inside a transaction, is synchronous, takes and gives plain
 * values, and throws a Problem to refuse.
 */
export function createCommands(db: Database, config: CollectorConfig, once: Writes['once']) {
  const rollups = createRollups(db)
  const usage = createUsage(db)
  const reports = createReportStore(db)
  const series = createSeries(db, config)
  const search = createSearchRecord(db, series)
  const removal = createRemoval(db, rollups, search, usage)
  const audit = createAuditStore(db)
  const schemas = createSchemaStore(db)
  const validators = createValidators(schemas)
  const findings = createFindingRecord(db, config)
  const found = createFindingStore(db, config.FINDING_FLAKY_CHANGES)
  const contents = config.INGEST_DEDUPE_HOURS === 0 ? undefined : createContents(db, config)
  const holds = createHoldStore(db)
  const ingest = createIngestStore(db, { rollups, findings, search, usage, holds, contents, once })
  const registry = createRegistry(schemas, config)

  const commands = {
    removeReport(tenantId: Tenant, id: string, ifMatch: string | undefined): Answer {
      const found = reports.get(tenantId, id)
      if (found === undefined) throw noSuchReport()
      const hold = holds.get(tenantId, id)
      requireMatch(ifMatch, etagOf(representation(found, hold)))
      if (hold !== undefined) throw onHold(hold)
      removal.remove(tenantId, id)
      return { status: 204 }
    },
    removeFindingsBefore: found.removeBefore,
    muteFinding: createMuting(found),
    /** Only remembers what was answered. */
    remember: (status: number, body: unknown): Answer => ({ status, body }),
    addAuditEntries: audit.add,
    removeAuditBefore: audit.deleteBefore,
    putSchema: registry.put,
    replayReports: createReplay(db, { rollups, findings, search, validators }),
    forgetFineBuckets: series.forgetFine,
    forgetContents: (now: number, limit: number): number => contents?.forget(now, limit) ?? 0,
    ...createSqliteAlertCommands(db, config),
    ...createExportCommands(db, reports, config),
    ...createRetentionCommands(db, config, { removal, search }),
    ...createTenantCommands(createTenantStore(db), config),
    addRefusals: usage.addRefusals,
    removeUsageBefore: usage.removeDaysBefore,
  }
  return { commands, ingest, validators }
}
