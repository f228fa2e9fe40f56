import { randomBytes } from 'node:crypto'
import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import type { VerifyAnswer } from '#shared/verified.ts'
import { identity, process, type As, type Identity } from '../test/identity.ts'
import { createKeySecrets } from './secret.ts'
import { createKeyStore, type KeyView } from './store.ts'

type Key = KeyView & { key: string }

const MINE = '/api/auth/keys'
const TENANTS = '/api/admin/keys'
const DAY_MS = 86_400_000
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString()

const make = async (service: Identity, as: As, body: object = {}, path = MINE) => {
  const answer = await service.call('POST', path, { as, body: { name: '키', ...body } })
  if (answer.status !== 201) throw new Error(answer.text)
  return answer.json<Key>()
}
const rotate = ({ call }: Identity, as: As, id: string, body?: object, path = MINE) =>
  call('POST', `${path}/${id}/rotate`, { as, ...(body === undefined ? {} : { body }) })
const verify = async ({ call }: Identity, key: string) =>
  (await call('POST', '/internal/verify', { as: process, body: { key } })).json<VerifyAnswer>()
const revoked = ({ db }: Identity) =>
  db.prepare<[], string>('SELECT subject FROM revocations ORDER BY seq').pluck().all()

t.test('a well-formed key that nobody made is none, and neither is one whose hash was moved to another', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const [one, two] = [await make(service, person), await make(service, person)]
  const stranger = createKeySecrets(randomBytes(32)).make()
  t.same(await verify(service, stranger.key), { active: false })
  const hashOf = service.db.prepare<[string], Buffer>('SELECT hash FROM api_keys WHERE id = ?').pluck()
  const put = service.db.prepare('UPDATE api_keys SET hash = ? WHERE id = ?')
  const [ofOne, ofTwo] = [hashOf.get(one.id), hashOf.get(two.id)]
  put.run(ofTwo, one.id)
  for (const { key } of [one, two]) t.match(await verify(service, key), { active: key === two.key })
  put.run(ofOne, one.id)
  t.match(await verify(service, one.key), { active: true })
})

t.test('every key has another id and another secret', (t) => {
  const secrets = createKeySecrets(randomBytes(32))
  const made = Array.from({ length: 500 }, () => secrets.make())
  t.equal(new Set(made.map(({ id }) => id)).size, 500)
  t.equal(new Set(made.map(({ key }) => key.split('_')[2])).size, 500)
  for (const { id, key, hash } of made) t.same(secrets.read(key), { id, hash })
  t.not(
    createKeySecrets(randomBytes(32))
      .read((made[0] as Key).key)
      ?.hash.equals((made[0] as { hash: Buffer }).hash),
    true,
    'another pepper is another hash',
  )
  t.end()
})

t.test('who is limited to some scopes can neither give nor get others, also not by a rotation', async (t) => {
  const service = await identity(t)
  const admin = await service.signedUp({ role: 'admin' })
  const limited: As = { ...admin, credential: 'token:t1', scope: 'admin reports:read' }
  const ask = (body: object) => service.call('POST', TENANTS, { as: limited, body: { name: 'n', ...body } })
  t.equal((await ask({ role: 'operator', scope: 'ingest' })).status, 403)
  t.match((await ask({ role: 'admin' })).json(), { scope: 'reports:read admin' })
  t.match((await ask({ role: 'viewer' })).json(), { scope: 'reports:read' })
  const wide = await make(service, admin, { role: 'admin' }, TENANTS)
  t.equal((await rotate(service, limited, wide.id, undefined, TENANTS)).status, 403)
  t.match(await verify(service, wide.key), { active: true })
  t.equal((await rotate(service, admin, wide.id, undefined, TENANTS)).status, 201)
})

t.test('a role that fell is not given back by a rotation', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp({ role: 'operator' })
  const { id } = await make(service, person, { role: 'operator' })
  service.accounts.join(person.user, asTenant('default'), 'viewer')
  t.match((await rotate(service, person, id)).json(), { status: 403, errors: [{ field: 'role' }] })
})

t.test('a rotation lasts as long as the key did, or as it is told, and the old one never longer', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const old = await make(service, person, { expires_at: inDays(10) })
  service.db
    .prepare('UPDATE api_keys SET created_at = ?, expires_at = ? WHERE id = ?')
    .run(inDays(-9), inDays(1), old.id)
  const next = (await rotate(service, person, old.id, { overlap_s: 20 * 86_400 })).json<Key>()
  const shown = (await service.call('GET', `${MINE}/${old.id}`, { as: person })).json<Key>()
  t.ok(Math.abs(Date.parse(shown.expires_at as string) - Date.parse(inDays(1))) < 60_000, 'its own end comes first')
  t.ok(Math.abs(Date.parse(next.expires_at as string) - Date.parse(inDays(10))) < 60_000, 'ten days again')
  t.match((await rotate(service, person, next.id, { expires_at: null })).json(), { expires_at: null })
  t.equal((await rotate(service, person, 'nothing')).status, 404)
})

t.test('at most one old key is good beside its successor, and gateways hear of each that ends', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const first = await make(service, person)
  const second = (await rotate(service, person, first.id)).json<Key>()
  t.same(revoked(service), [`key:${first.id}`], 'who remembers it must learn its end')
  const third = (await rotate(service, person, second.id)).json<Key>()
  t.same(await verify(service, first.key), { active: false })
  for (const { key } of [second, third]) t.match(await verify(service, key), { active: true })
  t.equal((await service.call('DELETE', `${MINE}/${third.id}`, { as: person })).status, 204)
  for (const { key } of [second, third]) t.same(await verify(service, key), { active: false })
  t.same(new Set(revoked(service)), new Set([first, second, third].map(({ id }) => `key:${id}`)))
})

t.test('a key that was rotated is swept when its time is over, one that only expired stays to be seen', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const rotated = await make(service, person)
  const next = (await rotate(service, person, rotated.id)).json<Key>()
  const expired = await make(service, person)
  service.db.prepare('UPDATE api_keys SET expires_at = ? WHERE id <> ?').run(inDays(-1), next.id)
  t.equal(createKeyStore(service.db).sweep(), false)
  const { keys } = (await service.call('GET', MINE, { as: person })).json<{ keys: Key[] }>()
  t.same(new Set(keys.map(({ id }) => id)), new Set([next.id, expired.id]))
})

t.test('a key belongs to the tenant that it was made in, wherever its account is signed in', async (t) => {
  const service = await identity(t)
  const person = await service.signedUp({ tenant: 'teamA', role: 'operator' })
  await service.signedUp({ tenant: 'teamB', role: 'admin' })
  service.accounts.join(person.user, asTenant('teamB'), 'viewer')
  const inB: As = { ...person, tenant: 'teamB', role: 'viewer' }
  const { id, key } = await make(service, person, { role: 'operator', scope: 'ingest' })
  t.match((await rotate(service, inB, id)).json(), { tenant: 'teamA', role: 'operator', scope: 'ingest' })
  t.equal((await service.call('POST', MINE, { as: inB, body: { name: 'n', role: 'operator' } })).status, 403)
  t.match(await make(service, inB), { tenant: 'teamB', role: 'viewer' })
  service.accounts.leave(person.user, asTenant('teamA'))
  t.same(await verify(service, key), { active: false }, 'who has left a tenant has no key there')
})

t.test('long lists come page by page, and a key that is made meanwhile shifts none', async (t) => {
  const service = await identity(t, { API_KEYS_LIST_MAX: '2' })
  const person = await service.signedUp()
  const made = [] as string[]
  for (let count = 0; count < 5; count++) made.unshift((await make(service, person)).id)
  const seen: string[] = []
  let query = ''
  for (;;) {
    const page = (await service.call('GET', `${MINE}${query}`, { as: person })).json<{
      keys: Key[]
      next_cursor?: string
    }>()
    seen.push(...page.keys.map(({ id }) => id))
    if (page.next_cursor === undefined) break
    await make(service, person)
    query = `?limit=2&cursor=${page.next_cursor}`
  }
  t.same(new Set(seen), new Set(made))
  t.equal(seen.length, 5)
  for (const wrong of ['?limit=3', '?limit=0', '?cursor=x', '?cursor=WzFd']) {
    t.equal((await service.call('GET', `${MINE}${wrong}`, { as: person })).status, 400, wrong)
  }
})

t.test('the use of a key is in the log of its own tenant', async (t) => {
  const service = await identity(t)
  const admin = await service.signedUp({ role: 'admin', tenant: 'teamA' })
  const { id, key } = await make(service, admin, { scope: 'reports:read' }, TENANTS)
  await verify(service, key)
  const used = async (tenant: string) => {
    const auditor: As = { tenant, role: 'auditor', user: 'x', credential: 'session:x' }
    const answer = await service.call('GET', '/api/audit?event=key.used', { as: auditor })
    return answer.json<{ entries: object[] }>().entries
  }
  t.match(await used('teamA'), [{ event: 'key.used', actor: `key:${id}`, target: `key:${id}` }])
  t.same(await used('default'), [])
})
