import t from 'tap'
import { identity } from '../test/identity.ts'

t.test('whoever deletes their account is out at once, while services that are away are asked again', async (t) => {
  const { call, signedUp, signedIn, db } = await identity(t)
  await signedUp({ role: 'admin' })
  const person = await signedUp()
  const { as, refresh_token } = await signedIn(person)
  const remove = (body: object, caller = as) => call('DELETE', '/api/auth/me', { as: caller, body })
  t.match((await remove({})).json(), { status: 400, errors: [{ field: 'password' }] })
  t.match((await remove({ password: 'wrong' })).json(), { status: 403 })
  t.equal((await remove({ password: person.password }, { ...as, credential: 'key:k1' })).status, 403, 'not by a key')

  t.equal((await remove({ password: person.password })).status, 202)
  const { email, password } = person
  t.equal((await call('POST', '/api/auth/login', { body: { email, password } })).status, 401)
  t.equal((await call('POST', '/api/auth/refresh', { body: { refresh_token } })).status, 401)
  t.equal((await remove({ password })).status, 404)
  t.same(db.prepare('SELECT service FROM account_deletions ORDER BY service').pluck().all(), ['calendar', 'diary'])
  t.same(db.prepare('SELECT state FROM accounts WHERE id = ?').pluck().get(person.user), 'deleting')
  const revoked = db.prepare('SELECT subject FROM revocations').pluck().all()
  t.ok(revoked.includes(`account:${person.user}`))
})

t.test('the last administrator of a tenant with others in it cannot go', async (t) => {
  const { call, signedUp, signedIn } = await identity(t)
  const admin = await signedUp({ role: 'admin' })
  const { as } = await signedIn(admin)
  const other = await signedUp({ role: 'operator' })
  const mine = () => call('DELETE', '/api/auth/me', { as, body: { password: admin.password } })
  t.match((await mine()).json(), { status: 409, detail: /default/ })
  t.equal((await call('DELETE', `/api/admin/accounts/${admin.user}`, { as })).status, 409)
  const elsewhere = await signedUp({ role: 'admin', tenant: 'teamA' })
  t.equal((await call('DELETE', `/api/admin/accounts/${other.user}`, { as: elsewhere })).status, 403)
  t.equal((await call('DELETE', `/api/admin/accounts/${other.user}`, { as: other })).status, 403)
  t.equal((await call('DELETE', `/api/admin/accounts/${other.user}`, { as })).status, 202)
  t.equal((await call('DELETE', '/api/admin/accounts/nobody', { as })).status, 404)
  t.equal((await mine()).status, 202, 'nobody is left who would need one')
})

t.test('an export without a part of the data is none', async (t) => {
  const { call, signedUp, signedIn } = await identity(t)
  const { as } = await signedIn(await signedUp())
  t.match((await call('GET', '/api/auth/me/export', { as })).json(), { status: 503, detail: /calendar|diary/ })
  t.equal((await call('GET', '/api/auth/me/export')).status, 401)
})
