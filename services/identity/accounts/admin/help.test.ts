import t from 'tap'
import { withApp } from '../../test/authenticator-app.ts'
import { identity } from '../../test/identity.ts'

t.test('an administrator lets somebody in again who has lost their phone', async (t) => {
  const service = await identity(t)
  const { call, signedUp, signedIn } = service
  const admin = await signedUp({ role: 'admin' })
  const person = await signedUp()
  const { refresh_token } = await signedIn(person)
  await withApp(service, person)
  const login = () => call('POST', '/api/auth/login', { body: { email: person.email, password: person.password } })
  t.match((await login()).json(), { status: 401, methods: ['totp', 'recovery'] })

  const path = `/api/admin/accounts/${person.user}/second-factors`
  const stranger = await signedUp({ role: 'admin', tenant: 'teamB' })
  t.equal((await call('DELETE', path, { as: stranger })).status, 404)
  t.equal((await call('DELETE', path, { as: person })).status, 403)
  t.equal((await call('DELETE', path, { as: admin })).status, 204)
  t.equal((await call('DELETE', path, { as: admin })).status, 204, 'again, without harm')
  t.equal((await call('POST', '/api/auth/refresh', { body: { refresh_token } })).status, 401, 'and everybody else out')
  t.equal((await login()).status, 200)
})

t.test('an administrator signs an account out everywhere', async (t) => {
  const service = await identity(t)
  const { call, signedUp, signedIn } = service
  const admin = await signedUp({ role: 'admin' })
  const person = await signedUp()
  const { refresh_token } = await signedIn(person)
  const path = `/api/admin/accounts/${person.user}/sessions`
  t.equal((await call('DELETE', path, { as: await signedUp({ role: 'admin', tenant: 'teamB' }) })).status, 404)
  t.equal((await call('DELETE', path, { as: admin })).status, 204)
  t.equal((await call('POST', '/api/auth/refresh', { body: { refresh_token } })).status, 401)
  t.equal((await call('GET', '/api/auth/sessions', { as: person })).json<{ sessions: [] }>().sessions.length, 0)
  t.ok(service.db.prepare('SELECT subject FROM revocations').pluck().all().includes(`account:${person.user}`))
})
