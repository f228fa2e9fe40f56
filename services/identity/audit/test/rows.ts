import type { AuditRow } from '#shared/audit/row.ts'
import { process, type Identity } from '../../test/identity.ts'

/** A row as another process hands it in. */
export const rowAt = (n: number, more: Partial<AuditRow> = {}): AuditRow => ({
  id: `test-${n}`,
  time: 1_700_000_000_000 + n,
  service: 'calendar',
  request_id: `r-${n}`,
  event: 'POST /api/calendar/events',
  actor: 'account:anna',
  credential: 'session:s1',
  tenant: 'default',
  ip: '192.0.2.7',
  user_agent: null,
  method: 'POST',
  path: '/api/calendar/events',
  permission: 'calendar.write',
  status: 201,
  result: 'allowed',
  target: null,
  detail: null,
  ...more,
})

export const hand = (service: Identity, rows: AuditRow[]) =>
  service.call('POST', '/internal/audit', { as: process, body: { rows } })
