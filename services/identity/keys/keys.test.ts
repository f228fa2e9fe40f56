import t from 'tap'
import type { VerifyAnswer } from '#shared/verified.ts'
import { identity, process, type As, type Identity } from '../test/identity.ts'

interface Key {
  id: string
  key: string
  name: string
  role: string
  scope: string
  tenant: string
  expires_at: string | null
  last_used_at: string | null
  rotated_to: string | null
}

const MINE = '/api/auth/keys'
const TENANTS = '/api/admin/keys'

const make = async (service: Identity, as: As, body: object = {}, path = MINE) => {
  const answer = await service.call('POST', path, { as, body: { name: '빌드 서버', role: 'viewer', ...body } })
  if (answer.status !== 201) throw new Error(answer.text)
  return answer.json<Key>()
}
const verify = async ({ call }: Identity, key: string) =>
  (await call('POST', '/internal/verify', { as: process, body: { key, ip: '192.0.2.9' } })).json<VerifyAnswer>()

t.test('a key is shown once, stored as a hash, and acts as its account', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp({ role: 'operator' })
  const answer = await service.call('POST', MINE, { as: person, body: { name: '빌드 서버 🔑', role: 'viewer' } })
  t.equal(answer.status, 201)
  t.equal(answer.headers['cache-control'], 'no-store')
  const { key, ...shown } = answer.json<Key>()
  t.match(key, new RegExp(`^njm_${shown.id}_[\\dA-Za-z]{49}$`))
  t.match(shown, { name: '빌드 서버 🔑', role: 'viewer', tenant: 'default', expires_at: null })
  t.match(shown.scope, /^account calendar:read calendar:write/)
  t.notMatch(shown.scope, /ingest|admin|caldav/)

  const secret = key.split('_')[2] as string
  for (const table of ['api_keys', 'idempotency_keys', 'audit']) {
    const rows = JSON.stringify(service.db.prepare(`SELECT * FROM ${table}`).all())
    t.notOk(rows.includes(secret), table)
  }
  for (const url of [MINE, `${MINE}/${shown.id}`]) {
    const read = await service.call('GET', url, { as: person })
    t.equal(read.status, 200)
    t.notOk(read.text.includes(secret), url)
  }
  t.match(await verify(service, key), {
    active: true,
    credential: `key:${shown.id}`,
    subjects: [`key:${shown.id}`, `account:${person.user}`],
    user: person.user,
    tenant: 'default',
    role: 'viewer',
    scope: shown.scope,
  })
})

t.test('a retry with the same Idempotency-Key gets the same key, which is nowhere in clear', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const ask = () =>
    service.call('POST', MINE, {
      as: person,
      body: { name: 'n', role: 'viewer' },
      headers: { 'idempotency-key': 'k1' },
    })
  const first = (await ask()).json<Key>()
  t.same((await ask()).json(), first)
  t.notOk(JSON.stringify(service.db.prepare('SELECT * FROM idempotency_keys').all()).includes(first.key))
})

t.test('what is not exactly a key is none', async (t) => {
  const service = await identity(t)
  const { key, id } = await make(service, await service.signedUp())
  const { key: other } = await make(service, await service.signedUp())
  const [, , secret] = other.split('_')
  const changed = key.slice(0, -1) + (key.endsWith('A') ? 'B' : 'A')
  const wrong = [
    key.slice(0, -1),
    `${key}A`,
    changed,
    `njm_${id}_${secret}`,
    key.replace('njm_', 'njm-'),
    key.toUpperCase(),
    '',
    'njm_',
  ]
  for (const text of wrong) t.same(await verify(service, text), { active: false }, text)
  t.match(await verify(service, key), { active: true })
})

t.test('nobody gives a key more than they have: neither role, nor scope, nor another tenant', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp({ role: 'operator' })
  const ask = (body: object, as: As = person) =>
    service.call('POST', MINE, { as, body: { name: 'n', role: 'viewer', ...body } })
  t.match((await ask({ role: 'admin' })).json(), { status: 403, errors: [{ field: 'role' }] })
  t.match((await ask({ scope: 'admin' })).json(), { status: 403, errors: [{ field: 'scope' }] })
  t.match((await ask({ scope: 'ingest' })).json(), { status: 403 }, 'a viewer cannot send reports')
  t.equal((await ask({ role: 'operator', scope: 'ingest' })).status, 201)
  const sneaky = await ask({ tenant: 'teamA', account_id: 'x', user: 'x', hash: 'x', id: 'x' })
  t.match(sneaky.json(), { tenant: 'default' })
  t.equal((await ask({}, { ...person, credential: 'key:k1' })).status, 403, 'a key makes no keys')
  t.equal((await ask({}, {})).status, 401)
  for (const body of [{ name: '' }, { role: 'root' }, { scope: 'nothing' }, { expires_at: '2020-01-01T00:00:00Z' }]) {
    t.equal((await ask(body)).status, 400, JSON.stringify(body))
  }
})

t.test('a key never does more than its account may now, and nothing when that is over', async (t) => {
  const service = await identity(t)
  const admin = await service.signedUp({ role: 'admin' })
  const person = await service.signedUp({ role: 'operator' })
  const { key } = await make(service, person, { role: 'operator' })
  t.match(await verify(service, key), { role: 'operator', scope: /ingest/ })
  const put = await service.call('PUT', `/api/admin/accounts/${person.user}/roles`, {
    as: admin,
    body: { tenant: 'default', role: 'viewer' },
  })
  t.equal(put.status, 200, put.text)
  const fallen = await verify(service, key)
  t.match(fallen, { role: 'viewer' })
  t.notMatch('scope' in fallen && fallen.scope, /ingest/)
  t.equal((await service.call('POST', `/api/admin/accounts/${person.user}/suspend`, { as: admin })).status, 200)
  t.same(await verify(service, key), { active: false })
})

t.test('a key ends when it is deleted, and when its time is over', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const { id, key } = await make(service, person)
  t.equal((await service.call('DELETE', `${MINE}/${id}`, { as: person })).status, 204)
  t.same(await verify(service, key), { active: false })
  t.same(service.db.prepare('SELECT subject FROM revocations').pluck().all(), [`key:${id}`])
  t.equal((await service.call('DELETE', `${MINE}/${id}`, { as: person })).status, 404)

  const soon = await make(service, person, { expires_at: new Date(Date.now() + 3_600_000).toISOString() })
  t.match(await verify(service, soon.key), { active: true, expires: Date.parse(soon.expires_at as string) })
  service.db.prepare("UPDATE api_keys SET expires_at = '2026-01-01T00:00:00.000Z'").run()
  t.same(await verify(service, soon.key), { active: false })
})

t.test('a rotated key stays good for the overlap, and no longer than it would have been', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const old = await make(service, person)
  const rotate = (id: string, body: object) => service.call('POST', `${MINE}/${id}/rotate`, { as: person, body })
  const next = (await rotate(old.id, { overlap_s: 3600 })).json<Key>()
  t.not(next.key, old.key)
  t.match(next, { name: old.name, role: old.role, scope: old.scope })
  for (const { key } of [old, next]) t.match(await verify(service, key), { active: true })
  const shown = (await service.call('GET', `${MINE}/${old.id}`, { as: person })).json<Key>()
  t.equal(shown.rotated_to, next.id)
  const left = Date.parse(shown.expires_at as string) - Date.now()
  t.ok(left > 3_500_000 && left <= 3_600_000)
  t.equal((await rotate(old.id, {})).status, 409, 'only once')
  t.equal((await rotate(next.id, { overlap_s: 1e12 })).status, 400)
  const last = (await rotate(next.id, { overlap_s: 0 })).json<Key>()
  t.same(await verify(service, next.key), { active: false }, 'without an overlap the old one is over')
  t.same(await verify(service, old.key), { active: false })
  t.match(await verify(service, last.key), { active: true })
})

t.test('keys are limited in number, listed newest first, renamed by their owner and seen by nobody else', async (t) => {
  const service = await identity(t, { API_KEYS_MAX: '2' })
  const person = await service.signedUp()
  const other = await service.signedUp({ role: 'admin' })
  const first = await make(service, person, { name: '하나' })
  const second = await make(service, person, { name: '둘' })
  t.match((await service.call('POST', MINE, { as: person, body: { name: '셋', role: 'viewer' } })).json(), {
    status: 409,
    detail: /API_KEYS_MAX/,
  })
  const listed = (await service.call('GET', MINE, { as: person })).json<{ keys: Key[] }>()
  t.same(
    listed.keys.map(({ id }) => id),
    [second.id, first.id],
  )
  for (const path of [MINE, TENANTS]) {
    const at = `${path}/${first.id}`
    t.equal((await service.call('GET', at, { as: other })).status, 404)
    t.equal((await service.call('PATCH', at, { as: other, body: { name: 'mine' } })).status, 404)
    t.equal((await service.call('POST', `${at}/rotate`, { as: other })).status, 404)
    t.equal((await service.call('DELETE', at, { as: other })).status, 404)
  }
  const renamed = await service.call('PATCH', `${MINE}/${first.id}`, {
    as: person,
    body: { name: '새 이름', role: 'admin' },
  })
  t.match(renamed.json(), { name: '새 이름', role: 'viewer' })
  const stale = { 'if-match': '"stale"' }
  t.equal((await service.call('DELETE', `${MINE}/${first.id}`, { as: person, headers: stale })).status, 412)
})

t.test('keys of a tenant have no account, and only its own administrators see them', async (t) => {
  const service = await identity(t)
  const admin = await service.signedUp({ role: 'admin', tenant: 'teamA' })
  const stranger = await service.signedUp({ role: 'admin', tenant: 'teamB' })
  const { id, key } = await make(service, admin, { role: 'operator', scope: 'ingest' }, TENANTS)
  const known = await verify(service, key)
  t.match(known, { active: true, tenant: 'teamA', role: 'operator', scope: 'ingest', subjects: [`key:${id}`] })
  t.notOk('user' in known)
  t.equal((await service.call('GET', `${TENANTS}/${id}`, { as: stranger })).status, 404)
  t.equal((await service.call('DELETE', `${TENANTS}/${id}`, { as: stranger })).status, 404)
  t.match(await verify(service, key), { active: true })
  t.equal((await service.call('GET', TENANTS, { as: { ...admin, role: 'auditor' } })).status, 403)
  t.equal((await service.call('DELETE', `${TENANTS}/${id}`, { as: admin })).status, 204)
  t.same(await verify(service, key), { active: false })
})

t.test('a use is noted, in the list and in the audit log', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const { id, key } = await make(service, person)
  await verify(service, key)
  const { dataDir } = service
  await service.close()
  const again = await identity(t, { DATA_DIR: dataDir })
  const { last_used_at } = (await again.call('GET', `${MINE}/${id}`, { as: person })).json<Key>()
  t.ok(last_used_at !== null && Date.now() - Date.parse(last_used_at) < 60_000)
  const auditor: As = { role: 'auditor', user: 'x', credential: 'session:x' }
  const { entries } = (await again.call('GET', '/api/audit?event=key.', { as: auditor })).json<{ entries: object[] }>()
  t.match(entries, [
    { event: 'key.used', actor: `account:${person.user}`, target: `key:${id}`, detail: { ip: '192.0.2.9' } },
    { event: 'key.created', actor: `account:${person.user}`, target: `key:${id}` },
  ])
})

t.test('only processes verify, one credential at a time', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp({ role: 'admin' })
  t.equal((await service.call('POST', '/internal/verify', { as: person, body: { key: 'x' } })).status, 403)
  t.equal((await service.call('POST', '/internal/verify', { body: { key: 'x' } })).status, 403)
  for (const body of [{}, { key: 'x', token: 'y' }, { basic: { username: 'x' } }]) {
    t.equal((await service.call('POST', '/internal/verify', { as: process, body })).status, 400)
  }
})
