import type { Database } from '#shared/database.ts'
import type { CollectorConfig } from '../config.ts'
import { createAlertCommands, type SyncAlertCommands } from './commands.ts'
import { createAlertWrites } from './sqlite-writes.ts'
import { doNow, type Steps } from './steps.ts'
import { createAlertStore } from './store.ts'

/** The commands about alerts in the writer's thread. */
export function createSqliteAlertCommands(db: Database, config: CollectorConfig): SyncAlertCommands {
  const commands = createAlertCommands(createAlertStore(db), createAlertWrites(db), config)
  return Object.fromEntries(
    Object.entries(commands).map(([name, command]) => [
      name,
      (...args: unknown[]) => doNow((command as (...given: unknown[]) => Steps<unknown>)(...args)),
    ]),
  ) as SyncAlertCommands
}
