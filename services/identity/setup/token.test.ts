import t, { type Test } from 'tap'
import { createOneTimeTokens } from '../accounts/one-time-tokens.ts'
import { identity } from '../test/identity.ts'
import { SETUP as PURPOSE } from './store.ts'

const SETUP = '/api/auth/setup'
const ADMIN = { email: 'admin@example.com', name: '관리자 김', password: '바른 말 고운 말 42' }

/** Identity with a token as the start prints it. */
async function withToken(t: Test) {
  const service = await identity(t)
  const token = createOneTimeTokens(service.db).issue({ purpose: PURPOSE, ttl_s: 60 })
  const send = (body: object = {}) => service.call('POST', SETUP, { body: { ...ADMIN, token, ...body } })
  return { ...service, token, send }
}

t.test('a faulty request does not use the token up', async (t) => {
  const { send, signedUp } = await withToken(t)
  for (const body of [{ email: 'none' }, { password: 'short' }, { password: 'password' }, { name: '' }]) {
    t.equal((await send(body)).status, 400, JSON.stringify(body))
  }
  await signedUp({ email: 'taken@example.com' })
  t.equal((await send({ email: 'Taken@example.com' })).status, 409)
  t.equal((await send()).status, 201)
})

t.test('of several requests with the token one makes an administrator', async (t) => {
  const { send, db } = await withToken(t)
  const answers = await Promise.all(['a', 'b', 'c'].map((name) => send({ email: `${name}@example.com` })))
  t.same(answers.map(({ status }) => status).sort(), [201, 403, 403])
  t.equal(db.prepare("SELECT count(*) FROM memberships WHERE role = 'admin'").pluck().get(), 1)
})

t.test('the token is void when there is an administrator, and after its time', async (t) => {
  const { send, db, signedUp } = await withToken(t)
  db.prepare('UPDATE one_time_tokens SET expires = 1').run()
  t.equal((await send()).status, 403)
  db.prepare('UPDATE one_time_tokens SET expires = 1e15').run()
  await signedUp({ role: 'admin' })
  t.equal((await send()).status, 403)
})

t.test('nobody sends more than an administrator has: state, id and tenant are ours to set', async (t) => {
  const { send } = await withToken(t)
  const body = { id: 'x', state: 'suspended', tenant: 'other', role: 'viewer', email_verified_at: null }
  t.match((await send(body)).json(), { state: 'approved', tenants: [{ tenant: 'default', role: 'admin' }] })
})
