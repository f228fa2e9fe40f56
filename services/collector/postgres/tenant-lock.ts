import type { Tenant } from '#shared/scope.ts'
import { sql, type Statement } from './sql.ts'

/**
 * Held until the end of the transaction by whoever takes in a tenant's reports or remembers an answer for it: what was stored
 * before decides what is a repetition and what becomes of its findings. Replicas that write for the same tenant
 * do so one after the other, and a report that has a later seq is not seen earlier. Taken first, and one only, so that it
 * cannot be part of a deadlock.
 */
export const lockTenant = (tenant: Tenant): Statement =>
  sql`SELECT pg_advisory_xact_lock(hashtextextended(${`najimban tenant ${tenant}`}, 0))`
