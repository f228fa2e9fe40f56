import { CATALOG } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import { SILENT_COMMANDS } from './commands.ts'
import type { Outcome, WriterAnswer, WriterRequest } from './protocol.ts'

const HTTP_SERVER_ERROR = 500

/** Whether it was refused for what it asks: then nothing of it is stored. */
const isRefused = (outcome: Outcome<unknown> | undefined): boolean =>
  outcome !== undefined &&
  'failure' in outcome &&
  'problem' in outcome.failure &&
  CATALOG[outcome.failure.problem][0] < HTTP_SERVER_ERROR

/** Tenants whose data these writes may have changed; of what was interrupted nobody knows. */
export function changedTenants(
  { items, commands }: WriterRequest,
  outcomes?: Pick<WriterAnswer, 'items' | 'commands'>,
): Tenant[] {
  const changed = items.filter((_, at) => {
    const outcome = outcomes?.items[at]
    return outcome === undefined || ('value' in outcome && 'counted' in outcome.value)
  })
  const done = commands.filter(({ name }, at) => !SILENT_COMMANDS.has(name) && !isRefused(outcomes?.commands[at]))
  return [...changed.map(({ tenantId }) => tenantId), ...done.map(({ args }) => args[0] as Tenant)]
}
