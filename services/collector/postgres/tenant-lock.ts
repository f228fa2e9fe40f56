import type { Tenant } from '#shared/scope.ts'
import { sql, type Statement } from './sql.ts'

/**
 * Held until the end of the transaction by whoever takes in a tenant's reports or remembers an answer for it: what was stored
 * before decides what is a repetition and what becomes of its findings. Replicas that write for the same tenant
 * do so one after the other, and a report that has a later seq is not seen earlier. Reports come in with one tenant's lock, taken
 * first. Commands that are done in one transaction take those of their tenants, each when it begins: two replicas may then wait
 * for each other, which PostgreSQL ends, and the transaction is done anew.
 */
export const lockTenant = (tenant: Tenant): Statement =>
  sql`SELECT pg_advisory_xact_lock(hashtextextended(${`najimban tenant ${tenant}`}, 0))`
