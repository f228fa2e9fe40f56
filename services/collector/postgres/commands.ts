import { ALERT_COMMANDS_OF_ALL } from '../alerts/commands.ts'
import { createPostgresAlertCommands } from '../alerts/postgres-writes.ts'
import { addAuditEntries, removeAuditBefore } from '../audit/postgres.ts'
import type { CollectorConfig } from '../config.ts'
import { postgresBundleKeyCommands } from '../exports/keys/postgres.ts'
import { createPostgresExportCommands } from '../exports/postgres.ts'
import { createPostgresMuting, removeFindingsBefore } from '../findings/postgres.ts'
import { forgetContents } from '../ingest/postgres.ts'
import { createPostgresRemoval, createRemoveReport } from '../reports/postgres-removal.ts'
import { createPostgresRetentionCommands } from '../retention/postgres-commands.ts'
import { forgetFine } from '../rollups/postgres-series.ts'
import { createPutSchema } from '../schemas/postgres.ts'
import { createPostgresReplay } from '../schemas/postgres-replay.ts'
import type { LoadedValidators } from '../schemas/postgres-validators.ts'
import { createPostgresTenantCommands } from '../tenants/postgres-commands.ts'
import type { Commands } from '../writer/commands.ts'
import type { ReportPart } from './report-part.ts'
import type { Transaction } from './transaction.ts'

/** The commands of writer/commands.ts with a transaction before their arguments. */
export type PostgresCommands = {
  [N in keyof Commands]: (tx: Transaction, ...args: Parameters<Commands[N]>) => Promise<ReturnType<Commands[N]>>
}

/** Commands that are about all tenants' rows. The others see those of whom the answer belongs to, or of their first argument. */
export const EVERY_TENANT_COMMANDS: ReadonlySet<string> = new Set<keyof Commands>([
  'addAuditEntries',
  'removeAuditBefore',
  'removeTokensOver',
  'forgetContents',
  'forgetFineBuckets',
  'addFirstBundleKey',
  'resealBundleKey',
  'interruptRetentionRuns',
  'freeSpace',
  ...ALERT_COMMANDS_OF_ALL,
  'addTenant',
  'changeTenant',
  'moveTenant',
  'removeTenant',
  'addRefusals',
  'removeUsageBefore',
])

interface CommandParts {
  config: CollectorConfig
  validators: LoadedValidators
  parts: readonly ReportPart[]
  shard: number
}

/** Everything that changes the database, by name, as PostgreSQL does it. The compiler misses what is not here. */
export function createPostgresCommands({ config, validators, parts, shard }: CommandParts): PostgresCommands {
  const remove = createPostgresRemoval(parts)
  return {
    removeReport: createRemoveReport(remove),
    ...createPostgresExportCommands(config),
    ...postgresBundleKeyCommands,
    removeFindingsBefore,
    muteFinding: createPostgresMuting(config.FINDING_FLAKY_CHANGES),
    ...createPostgresTenantCommands(config, shard),
    remember: async (_tx, status, body) => ({ status, body }),
    addAuditEntries,
    removeAuditBefore,
    putSchema: createPutSchema(config),
    replayReports: createPostgresReplay(validators, parts),
    forgetFineBuckets: forgetFine,
    forgetContents: forgetContents(config.INGEST_DEDUPE_HOURS),
    ...createPostgresAlertCommands(config),
    ...createPostgresRetentionCommands(config, remove),
  }
}
