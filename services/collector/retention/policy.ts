import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import type { GivenPolicy } from './store.ts'

/** How a tenant's reports are kept. */
export interface Policy {
  retainDays: number
  archive: boolean
}

export const policyOf = (
  given: Pick<GivenPolicy, 'retainDays' | 'archive'> | undefined,
  config: Pick<CollectorConfig, 'RETAIN_DAYS' | 'RETENTION_ARCHIVE'>,
): Policy => ({
  retainDays: given?.retainDays ?? config.RETAIN_DAYS,
  archive: given?.archive ?? config.RETENTION_ARCHIVE === 'on',
})

/** What who sets it is answered. */
export const policyAnswerOf = (tenantId: Tenant, given: GivenPolicy, config: CollectorConfig): Answer => {
  const { updatedAt, updatedBy } = given
  return { status: 200, body: { tenantId, ...policyOf(given, config), updatedAt, updatedBy } }
}

/** Stores what a tenant says of its retention. */
export function createPolicies(db: Database, config: CollectorConfig) {
  const put = db.prepare(
    `INSERT INTO retention (tenantId, retainDays, archive, updatedAt, updatedBy) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT DO UPDATE SET retainDays = excluded.retainDays, archive = excluded.archive,
       updatedAt = excluded.updatedAt, updatedBy = excluded.updatedBy`,
  )
  return {
    put(tenantId: Tenant, given: GivenPolicy): Answer {
      const { retainDays, archive, updatedAt, updatedBy } = given
      put.run(tenantId, retainDays, archive === null ? null : Number(archive), updatedAt, updatedBy)
      return policyAnswerOf(tenantId, given, config)
    },
  }
}
