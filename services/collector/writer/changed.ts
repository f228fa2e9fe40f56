import type { Tenant } from '#shared/scope.ts'
import type { ItemOutcome } from '../ingest/item.ts'
import { SILENT_COMMANDS } from './commands.ts'
import type { Outcome, WriterRequest } from './protocol.ts'

/** Tenants whose data these writes may have changed; of what was interrupted nobody knows. */
export function changedTenants(
  { items, commands }: WriterRequest,
  outcomes?: readonly Outcome<ItemOutcome>[],
): Tenant[] {
  const changed = items.filter((_, at) => {
    const outcome = outcomes?.[at]
    return outcome === undefined || ('value' in outcome && 'counted' in outcome.value)
  })
  return [
    ...changed.map(({ tenantId }) => tenantId),
    ...commands.filter(({ name }) => !SILENT_COMMANDS.has(name)).map(({ args }) => args[0] as Tenant),
  ]
}
