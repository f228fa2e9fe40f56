import { invalidField } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Stores } from '../engine/engine.ts'

/** @throws Problem invalid-input for a schema that the tenant does not have */
export async function requireSchema(
  schemas: Stores['schemas'],
  tenantId: Tenant,
  name: string | undefined,
): Promise<void> {
  if (name !== undefined && (await schemas.latestVersion(tenantId, name)) === 0) {
    throw invalidField('querystring', 'schema', `There is no schema ${name}`)
  }
}
