import type { InternalClient } from '../internal.ts'
import type { Logger } from '../logger.ts'
import type { Deliver } from './recorder.ts'

/** Hands audit rows to identity. A row that it cannot take is reported, and does not hold up those behind it. */
export function deliverToIdentity(internal: InternalClient, logger: Logger): Deliver {
  const deliver: Deliver = async (rows) => {
    const { status } = await internal.ask<unknown>('identity', '/internal/audit', { method: 'POST', body: { rows } })
    if (status === 204) return
    if (status !== 400 && status !== 413) throw new Error(`identity answers ${status} to audit rows`)
    if (rows.length > 1) for (const row of rows) await deliver([row])
    else logger.error({ row: rows[0]?.id, event: rows[0]?.event }, 'identity does not take this audit row')
  }
  return deliver
}
