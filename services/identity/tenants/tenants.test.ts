import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { identity, type Person } from '../test/identity.ts'

const TENANTS = '/api/admin/tenants'

interface Page {
  tenants: { id: string; name: string; members: number }[]
  next_cursor?: string
}

t.test('administrators of default make tenants, others see their own and make none', async (t) => {
  const { call, signedUp } = await identity(t)
  const chief = await signedUp({ role: 'admin' })
  const lead = await signedUp({ role: 'admin', tenant: 'team-a' })
  const make = (by: Person, body: object) => call('POST', TENANTS, { body, as: by })
  const made = await make(chief, { id: 'team-b', name: '팀 "B"' })
  t.equal(made.status, 201)
  t.match(made.json(), { id: 'team-b', name: '팀 "B"', members: 0 })
  t.equal((await make(chief, { id: 'team-b', name: 'again' })).status, 409)
  t.equal((await make(lead, { id: 'team-c', name: 'c' })).status, 403)
  for (const id of ['', '-a', 'a b', 'a/b', '가', 'a'.repeat(65), '__proto__']) {
    t.equal((await make(chief, { id, name: 'x' })).status, 400, id)
  }
  const list = async (by: Person, query = '') => (await call('GET', `${TENANTS}${query}`, { as: by })).json<Page>()
  t.same(
    (await list(chief)).tenants.map(({ id }) => id),
    ['default', 'team-a', 'team-b'],
  )
  t.same((await list(lead)).tenants, [{ ...(await list(chief)).tenants[1] }])
  const first = await list(chief, '?limit=2')
  t.same(
    first.tenants.map(({ id, members }) => [id, members]),
    [
      ['default', 1],
      ['team-a', 1],
    ],
  )
  const second = await list(chief, `?limit=2&cursor=${first.next_cursor as string}`)
  t.same(
    second.tenants.map(({ id }) => id),
    ['team-b'],
  )
  t.equal(second.next_cursor, undefined)
  t.equal((await call('GET', TENANTS, { as: { ...chief, role: 'auditor' } })).status, 403)
})

t.test('there are no more tenants than TENANTS_MAX', async (t) => {
  const { call, signedUp } = await identity(t, { TENANTS_MAX: '2' })
  const chief = await signedUp({ role: 'admin' })
  const make = (id: string) => call('POST', TENANTS, { body: { id, name: id }, as: chief })
  t.equal((await make('a')).status, 201)
  t.equal((await make('b')).status, 409)
})

t.test('with a tenant its roles, keys and sessions end at once; default stays', async (t) => {
  const service = await identity(t)
  const { call, signedUp, signedIn, db, accounts } = service
  const chief = await signedUp({ role: 'admin' })
  const lead = await signedUp({ role: 'admin', tenant: 'team-a' })
  accounts.join(lead.user, asTenant('default'), 'viewer')
  const { session } = await signedIn(lead, { tenant: 'team-a' })
  db.prepare(
    `INSERT INTO api_keys (id, tenant, name, role, scope, hash, created_at) VALUES ('k1', 'team-a', 'k', 'viewer', '', x'00', '')`,
  ).run()
  const remove = (id: string, by: Person = chief) => call('DELETE', `${TENANTS}/${id}`, { as: by })
  t.equal((await remove('team-a', lead)).status, 403)
  t.equal((await remove('default')).status, 409)
  t.equal((await remove('nothing')).status, 404)
  t.equal((await remove('team-a')).status, 204)
  t.same(accounts.membershipsOf(lead.user), [{ tenant: 'default', role: 'viewer' }])
  const subjects = db.prepare<[], string>('SELECT subject FROM revocations').pluck().all()
  for (const subject of [`account:${lead.user}`, `session:${session}`, 'key:k1'])
    t.ok(subjects.includes(subject), subject)
  t.equal(db.prepare('SELECT count(*) FROM api_keys').pluck().get(), 0)
  t.equal((await remove('team-a')).status, 404)
})
