import t from 'tap'
import { identity } from '../../test/identity.ts'
import { mailbox } from '#shared/test/mailbox.ts'

const ME = '/api/auth/me'

t.test('a person sees their own account, also with a key that may, and 304 when nothing changed', async (t) => {
  const { call, signedUp } = await identity(t)
  const person = await signedUp({ role: 'operator', name: '김"나"침 🧭' })
  const seen = await call('GET', ME, { as: person })
  t.equal(seen.status, 200)
  t.match(seen.json(), {
    id: person.user,
    email: person.email,
    name: person.name,
    state: 'approved',
    has_password: true,
    second_factors: [],
    tenants: [{ tenant: 'default', role: 'operator' }],
  })
  t.notMatch(seen.text, /hash|argon2/)
  const again = await call('GET', ME, { as: person, headers: { 'if-none-match': seen.headers.etag as string } })
  t.equal(again.status, 304)
  const { user } = person
  t.equal((await call('GET', ME, { as: { user, role: 'viewer', credential: 'key:1', scope: 'account' } })).status, 200)
  t.equal((await call('GET', ME, { as: { user, role: 'viewer', credential: 'key:1', scope: 'admin' } })).status, 403)
  t.equal((await call('GET', ME)).status, 401)
  t.equal((await call('GET', ME, { as: { ...person, user: 'gone' } })).status, 404)
})

t.test('a person changes name, language and zone, and nothing else of themselves', async (t) => {
  const { call, signedUp, accounts } = await identity(t)
  const person = await signedUp()
  const patch = (body: object, headers = {}) => call('PATCH', ME, { body, as: person, headers })
  const body = { name: '새 이름'.normalize('NFD'), locale: 'en', time_zone: 'europe/berlin' }
  const changed = await patch(body)
  t.match(changed.json(), { name: body.name, locale: 'en', time_zone: 'Europe/Berlin' }, 'text comes back as it was')
  const wanted = { role: 'admin', state: 'pending', email: 'x@example.com', email_verified: false, password_hash: 'x' }
  t.equal((await patch({ ...wanted, tenants: [], id: 'x' })).status, 200)
  const { email, state, password_hash } = accounts.find(person.user) ?? {}
  t.same([email, state], [person.email, 'approved'])
  t.match(password_hash, /argon2id/)
  t.same(accounts.membershipsOf(person.user), [{ tenant: 'default', role: 'viewer' }])
  t.equal((await patch({ time_zone: '+09:00' })).status, 400)
  t.equal((await patch({ name: '' })).status, 400)
})

t.test('a change with If-Match is made only to what was read', async (t) => {
  const { call, signedUp } = await identity(t)
  const person = await signedUp()
  const { etag = '' } = (await call('GET', ME, { as: person })).headers
  const patch = (name: string, tag: string) =>
    call('PATCH', ME, { body: { name }, as: person, headers: { 'if-match': tag } })
  const first = await patch('a', etag)
  t.equal(first.status, 200)
  t.equal((await patch('b', etag)).status, 412)
  t.equal((await patch('c', first.headers.etag as string)).status, 200)
})

t.test('without mail an address changes at once and is not confirmed any more', async (t) => {
  const { call, signedUp, accounts } = await identity(t)
  const person = await signedUp()
  const other = await signedUp()
  const put = (email: string, password = person.password) =>
    call('PUT', `${ME}/email`, { body: { email, password }, as: person })
  t.equal((await put('new@example.com', 'wrong')).status, 403)
  t.equal((await put(other.email)).status, 409)
  t.equal((await put(person.email)).status, 400)
  const changed = await put('New@Example.com')
  t.match(changed.json(), { email: 'new@example.com', email_verified: false })
  t.equal(accounts.byEmail(person.email), undefined)
})

t.test('with mail an address changes by its own link, the old one is told, and its links end', async (t) => {
  const box = await mailbox(t)
  const { call, signedUp, accounts } = await identity(t, box.env)
  const person = await signedUp()
  await call('POST', '/api/auth/password/forgot', { body: { email: person.email } })
  const old = await box.token(person.email)
  const asked = await call('PUT', `${ME}/email`, {
    body: { email: 'new@example.com', password: person.password },
    as: person,
  })
  t.equal(asked.status, 202)
  t.match((await box.next(person.email)).text, '다른 주소로')
  t.equal(accounts.find(person.user)?.email, person.email, 'not yet')
  const token = await box.token('new@example.com')
  const done = await call('POST', '/api/auth/verify-email', { body: { token } })
  t.match(done.json(), { email: 'new@example.com', email_verified: true })
  const reset = { token: old, password: 'a good new password' }
  t.equal(
    (await call('POST', '/api/auth/password/reset', { body: reset })).status,
    400,
    'the old mailbox opens nothing',
  )
})

t.test('a change to an address that has an account answers the same, and tells only its owner', async (t) => {
  const box = await mailbox(t)
  const { call, signedUp, accounts } = await identity(t, box.env)
  const person = await signedUp()
  const other = await signedUp()
  const put = (email: string) => call('PUT', `${ME}/email`, { body: { email, password: person.password }, as: person })
  const [taken, free] = [await put(other.email), await put('free@example.com')]
  t.equal(taken.status, 202)
  t.equal(taken.text, free.text)
  t.match((await box.next(other.email)).text, '이미 있습니다')
  const token = await box.token('free@example.com')
  accounts.update(other.user, { email: 'free@example.com' })
  t.equal((await call('POST', '/api/auth/verify-email', { body: { token } })).status, 409, 'taken in the meantime')
})
