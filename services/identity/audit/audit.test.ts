import t from 'tap'
import type { AuditRow } from '#shared/audit/row.ts'
import { asTenant } from '#shared/scope.ts'
import { identity, process, type Identity } from '../test/identity.ts'
import { createAuditStore } from './store.ts'
import { hand, rowAt } from './test/rows.ts'

interface Listed {
  entries: (Omit<AuditRow, 'time' | 'detail'> & { seq: number; time: string; detail: object | null })[]
  next_cursor?: string
}

const auditor = { role: 'auditor', user: 'auditor', credential: 'session:a' } as const
const list = async ({ call }: Identity, query = '', caller: object = auditor) =>
  (await call('GET', `/api/audit${query}`, { as: caller })).json<Listed>()

t.test('requests that change something, refusals and sign-ins are one row each, reads are none', async (t) => {
  const service = await identity(t)
  const { call, signedUp, signedIn } = service
  const person = await signedUp()
  const { as: caller } = await signedIn(person)
  await call('GET', '/api/auth/sessions', { as: caller })
  await call('POST', '/api/auth/login', { body: { email: person.email, password: 'a wrong password' } })
  await call('GET', '/api/admin/clients', {
    as: caller,
    headers: { 'x-request-id': 'rid-7', 'user-agent': 'curl/8 한글'.replace(/[^\x20-\x7e]/g, '?') },
  })
  await call('GET', '/internal/revocations', { as: process })
  await call('GET', '/internal/revocations', { as: caller })
  const { entries } = await list(service)
  t.same(
    entries.map(({ event, result }) => `${event} ${result}`),
    [
      'GET /internal/revocations refused',
      'GET /api/admin/clients refused',
      'login.failed refused',
      'login.succeeded allowed',
    ],
  )
  t.match(entries[1], {
    request_id: 'rid-7',
    actor: `account:${person.user}`,
    credential: caller.credential,
    tenant: 'default',
    ip: '192.0.2.7',
    user_agent: 'curl/8 ??',
    permission: 'identity.admin',
    status: 403,
    service: 'identity',
    method: 'GET',
    path: '/api/admin/clients',
  })
  t.match(entries[2], { actor: 'anonymous', target: `account:${person.user}` })
  const text = JSON.stringify(entries)
  for (const secret of [person.password, 'a wrong password', person.email]) t.notOk(text.includes(secret), 'no secrets')
  const again = await list(service)
  t.match(again.entries[0], { event: 'GET /api/audit', actor: 'account:auditor' }, 'who reads the log is in it')
})

t.test('a sign-in is in the log of the tenant that it is for', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp({ tenant: 'teamA' })
  await service.signedIn(person)
  const seen = async (tenant: string) =>
    (await list(service, '?event=login', { ...auditor, tenant })).entries.map(({ event }) => event)
  t.same(await seen('teamA'), ['login.succeeded'])
  t.same(await seen('default'), [])
})

t.test('rows of other processes are added once, in their order, and only processes hand them in', async (t) => {
  const service = await identity(t)
  t.equal((await hand(service, [rowAt(1), rowAt(2)])).status, 204)
  t.equal((await hand(service, [rowAt(2), rowAt(3)])).status, 204)
  t.same(
    (await list(service)).entries.map(({ id }) => id),
    ['test-3', 'test-2', 'test-1'],
  )
  for (const caller of [{}, { role: 'admin', user: 'x', credential: 'session:s' } as const]) {
    t.equal((await service.call('POST', '/internal/audit', { as: caller, body: { rows: [rowAt(4)] } })).status, 403)
  }
  t.equal((await service.call('POST', '/internal/audit', { as: process, body: { rows: [{ id: 'x' }] } })).status, 400)
})

t.test('auditors find rows of their own tenant by every filter, in pages', async (t) => {
  const service = await identity(t)
  const special = {
    event: 'key.revoked',
    actor: 'account:bora',
    target: 'key:k1',
    result: 'failed',
    service: 'diary',
    ip: '2001:db8::1',
    detail: '{"reason":"lost"}',
  } as const
  await hand(service, [rowAt(1), rowAt(2, special), rowAt(3, { tenant: 'teamA' }), rowAt(4)])
  const ids = async (query: string, caller: object = auditor) =>
    (await list(service, query, caller)).entries.map(({ id }) => id)
  for (const query of [
    'event=key',
    'event=key.revoked',
    'actor=account:bora',
    'target=key:k1',
    'result=failed',
    'service=diary',
    'ip=2001:db8::1',
    'request_id=r-2',
  ]) {
    t.same(await ids(`?${query}`), ['test-2'], query)
  }
  t.match((await list(service, '?event=key')).entries[0], { detail: { reason: 'lost' } })
  const at = (n: number) => encodeURIComponent(new Date(1_700_000_000_000 + n).toISOString())
  t.same(await ids(`?from=${at(2)}&to=${at(4)}`), ['test-4', 'test-2'])
  t.same(await ids(`?to=${at(4)}`, { ...auditor, tenant: 'teamA' }), ['test-3'])
  const first = await list(service, `?to=${at(4)}&limit=2`)
  t.same(await ids(`?to=${at(4)}&limit=2&cursor=${first.next_cursor}`), ['test-1'])
  for (const wrong of [
    'limit=0',
    'limit=1001',
    'from=x',
    `from=${at(2)}&to=${at(1)}`,
    'result=x',
    'cursor=x',
    'service=x',
  ]) {
    t.equal((await service.call('GET', `/api/audit?${wrong}`, { as: auditor })).status, 400, wrong)
  }
  t.equal((await service.call('GET', '/api/audit', { as: { ...auditor, role: 'operator' } })).status, 403)
  const exported = (await service.call('GET', `/api/audit/export?to=${at(4)}`, { as: auditor })).text
  t.same(
    exported
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { id: string }).id),
    ['test-1', 'test-2', 'test-4'],
  )
})

t.test('few rows among many are found in short looks, and each filter with an index uses it', async (t) => {
  const service = await identity(t)
  const store = createAuditStore(service.db)
  const tenant = asTenant('teamA')
  const rows = Array.from({ length: 12_000 }, (_, n) => rowAt(n, { tenant }))
  rows[3] = rowAt(3, { tenant, event: 'key.revoked', ip: '2001:db8::1' })
  service.db.transaction(() => store.append(store.head(), store.chained(store.head(), rows)))()
  const first = store.list(tenant, { event: 'key' }, 10)
  t.equal(first.entries.length, 0)
  t.match(first.next, [Number, Number])
  t.equal(store.list(tenant, { event: 'key' }, 10, first.next).entries.length, 1)
  t.equal(store.list(tenant, { ip: '2001:db8::1' }, 10).entries.length, 1)
  t.equal(store.list(tenant, { ip: '2001:db8::1', result: 'failed', event: 'key' }, 10).entries.length, 0)
  const caller = { ...auditor, tenant }
  const page = await list(service, '?event=key.revoked', caller)
  t.same([page.entries.map(({ id }) => id), page.next_cursor], [['test-3'], undefined])
  const pages = await list(service, '?service=calendar&limit=7', caller)
  t.equal(pages.entries.length, 7)
  const after = await list(service, `?service=calendar&limit=7&cursor=${pages.next_cursor}`, caller)
  t.same(
    [...pages.entries, ...after.entries].map(({ id }) => id),
    Array.from({ length: 14 }, (_, n) => `test-${11_999 - n}`),
  )
})

t.test('an export holds one page at a time and lets others work', async (t) => {
  const service = await identity(t)
  for (let n = 0; n < 6000; n += 500)
    await hand(
      service,
      Array.from({ length: 500 }, (_, i) => rowAt(n + i)),
    )
  const { text } = await service.call('GET', `/api/audit/export?to=${new Date(1_700_000_100_000).toISOString()}`, {
    as: auditor,
  })
  const ids = text
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { id: string }).id)
  t.same(
    ids,
    Array.from({ length: 6000 }, (_, n) => `test-${n}`),
  )
})
