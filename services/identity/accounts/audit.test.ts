import t from 'tap'
import { identity } from '../test/identity.ts'
import { mailbox } from '#shared/test/mailbox.ts'

interface Entry {
  event: string
  actor: string | null
  target: string | null
  status: number
  detail: Record<string, unknown> | null
}

t.test('the audit log tells what became of an account and who did it, and no address, password or link', async (t) => {
  const box = await mailbox(t)
  const { call, signedUp, accounts } = await identity(t, { ...box.env, SIGNUP: 'approval' })
  const admin = await signedUp({ role: 'admin' })
  const body = { email: 'new@example.com', password: 'some good password', name: 'N' }
  await call('POST', '/api/auth/signup', { body })
  await call('POST', '/api/auth/signup', { body: { ...body, email: admin.email } })
  const token = await box.token(body.email)
  await call('POST', '/api/auth/verify-email', { body: { token } })
  await call('POST', '/api/auth/verify-email', { body: { token } })
  const id = accounts.byEmail(body.email)?.id as string
  const of = `/api/admin/accounts/${id}`
  await call('POST', `${of}/approve`, { as: admin })
  await box.next(body.email)
  await call('PUT', `${of}/roles`, { as: admin, body: { tenant: 'default', role: 'operator' } })
  await call('POST', '/api/auth/password/forgot', { body: { email: body.email } })
  const reset = await box.token(body.email)
  await call('POST', '/api/auth/password/reset', { body: { token: reset, password: 'another good one' } })
  await call('PATCH', '/api/auth/me', {
    as: { user: id, role: 'operator', credential: 'session:s' },
    body: { name: 'M' },
  })
  await call('POST', `${of}/suspend`, { as: admin })
  await call('POST', `${of}/suspend`, { as: admin })

  const { entries } = (await call('GET', '/api/audit?limit=100', { as: admin })).json<{ entries: Entry[] }>()
  const own = `account:${id}`
  const by = `account:${admin.user}`
  const told = entries.reverse().map(({ event, actor, target, status }) => [event, actor, target, status])
  t.same(told, [
    ['account.created', own, own, 202],
    ['account.signup-known', 'anonymous', null, 202],
    ['email.verified', own, own, 200],
    ['POST /api/auth/verify-email', 'anonymous', null, 400],
    ['account.approved', by, own, 200],
    ['account.role-changed', by, own, 200],
    ['password.reset-requested', 'anonymous', null, 202],
    ['password.reset', own, own, 204],
    ['account.changed', own, own, 200],
    ['account.suspended', by, own, 200],
    ['POST /api/admin/accounts/:id/suspend', by, null, 409],
  ])
  const text = JSON.stringify(entries)
  for (const secret of [body.email, body.password, 'another good one', token, reset]) t.notMatch(text, secret)
  t.match(entries.find(({ event }) => event === 'account.role-changed')?.detail, { role: 'operator', before: 'viewer' })
})
