import t from 'tap'
import { authenticator } from '../test/authenticator.ts'
import { withApp } from '../test/authenticator-app.ts'
import { identity } from '../test/identity.ts'
import { mailbox } from '#shared/test/mailbox.ts'

t.test('whoever changes how an account is signed in to, its owner hears of it', async (t) => {
  const box = await mailbox(t)
  const { call, db, signedUp } = await identity(t, { ...box.env, PUBLIC_URL: 'https://najimban.example' })
  const person = await signedUp()
  const body = { password: person.password }
  const told = async (text: string) => t.match((await box.next(person.email)).text, text)

  await withApp({ call, db }, person)
  await told('2단계 인증이 켜졌습니다')
  t.equal((await call('POST', '/api/auth/recovery-codes', { as: person, body })).status, 200)
  await told('복구 코드가 새로')
  t.equal((await call('DELETE', '/api/auth/totp', { as: person, body })).status, 204)
  await told('2단계 인증이 꺼졌습니다')

  await call('POST', '/api/auth/totp', { as: person, body })
  t.equal((await call('DELETE', '/api/auth/totp', { as: person, body })).status, 204)

  const options = await call('POST', '/api/auth/passkeys/options', { as: person, body })
  const { challenge } = options.json<{ challenge: string }>()
  const credential = authenticator().create({
    challenge,
    rpId: 'najimban.example',
    origin: 'https://najimban.example',
  })
  const added = await call('POST', '/api/auth/passkeys', { as: person, body: { credential } })
  t.equal(added.status, 201)
  await told('패스키가 추가되었습니다')
  const { id } = added.json<{ id: string }>()
  t.equal((await call('DELETE', `/api/auth/passkeys/${id}`, { as: person, body })).status, 204)
  await told('패스키가 삭제되었습니다')
  t.same(box.mails, [], 'nothing was said of an app that was never confirmed')
})

t.test('a change is not refused because too many mails are waiting', async (t) => {
  const box = await mailbox(t)
  const env = { ...box.env, MAIL_QUEUE_MAX: '1', MAIL_RETRY_MS: '100000' }
  const { call, signedUp, metrics } = await identity(t, env)
  box.state.refusal = 451
  const person = await signedUp()
  await call('POST', '/api/auth/password/forgot', { body: { email: person.email } })
  const body = { current_password: person.password, password: 'a good new password' }
  t.equal((await call('PUT', '/api/auth/password', { as: person, body })).status, 204)
  t.match(await metrics.registry.metrics(), /template="security-note",result="dropped"/)
})
