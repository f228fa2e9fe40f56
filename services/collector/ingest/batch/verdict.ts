import type { FieldError } from '#shared/problem.ts'
import type { Failure, Outcome } from '../../writer/protocol.ts'
import { overQuota, type Over } from '../../tenants/quotas.ts'
import type { QuotaName } from '../../tenants/quota.ts'
import type { Tenant } from '#shared/scope.ts'
import type { ItemOutcome } from '../item.ts'

/** What became of one report of a batch. */
export interface Verdict {
  /** Its place in the batch, from 0. */
  index: number
  status: ItemOutcome['status']
  id?: string
  errors?: FieldError[]
  /** Whether it is worth while to send it again as it is. */
  retryable: boolean
  /** The quota of its tenant that had no room for it. */
  quota?: QuotaName
}

export type Counts = Record<ItemOutcome['status'], number>

export const rejected = (index: number, message: string): Verdict => ({
  index,
  status: 'rejected',
  errors: [{ in: 'body', field: '', message }],
  retryable: false,
})

/** Of a report for which its tenant had no room. */
export const overVerdict = (index: number, over: Over, tenant: Tenant): Verdict => ({
  ...rejected(index, overQuota(over, tenant).message),
  retryable: over.retryAfterS < Infinity,
  quota: over.quota,
})

const INTERNAL = 'could not be stored'

/** Of a report that would have been taken, if the writer had been able to. */
export function failedVerdict(index: number, failure: Failure): Verdict {
  const isOurs = !('problem' in failure)
  const message = isOurs ? INTERNAL : (failure.options.detail ?? INTERNAL)
  return { ...rejected(index, message), retryable: isOurs || failure.problem !== 'idempotency-mismatch' }
}

export function verdictOf(index: number, outcome: Outcome<ItemOutcome>): Verdict {
  if ('failure' in outcome) return failedVerdict(index, outcome.failure)
  const { value } = outcome
  return {
    index,
    status: value.status,
    ...('id' in value ? { id: value.id } : {}),
    ...('errors' in value ? { errors: value.errors } : {}),
    retryable: false,
  }
}

export function countsOf(verdicts: readonly Verdict[]): Counts {
  const counts = { stored: 0, duplicate: 0, quarantined: 0, rejected: 0 }
  for (const { status } of verdicts) counts[status]++
  return counts
}
