import * as openid from 'openid-client'
import t from 'tap'
import { leavesFor } from './test/browser.ts'
import { oauth, refusal, type OAuth } from './test/oauth.ts'

interface Entry {
  event: string
  actor: string
  target: string | null
  status: number
  ip: string
}

async function entries({ call, admin }: OAuth): Promise<Entry[]> {
  const answer = await call('GET', '/api/audit?limit=100', { as: admin })
  const { entries: found } = answer.json<{ entries: Entry[] }>()
  return found.toReversed()
}

t.test('the audit log says who signed in, allowed, got and lost what, without a secret', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const client = await service.register()
  const library = await service.libraryFor(client)
  const more = { scope: 'openid offline_access', prompt: 'consent' }
  const { url, checks } = await service.authorization(library, more)
  const window = service.browser()
  const wrong = await window.submit(await window.open(url), { email: person.email, password: 'not this' })
  const consent = await service.signIn(window, wrong, person)
  const back = leavesFor(await service.allow(window, consent))
  const tokens = await openid.authorizationCodeGrant(library, back, checks)
  await t.rejects(openid.authorizationCodeGrant(library, back, checks), refusal('invalid_grant'))

  const [account, application] = [`account:${person.user}`, `client:${client.id}`]
  const rows = await entries(service)
  const seen = rows.map(({ event, actor, target, status }) => [event, actor, target, status])
  t.same(seen, [
    ['client.registered', `account:${service.admin.user}`, application, 201],
    ['login.failed', 'anonymous', account, 401],
    ['login.succeeded', account, application, 200],
    ['oauth.authorized', account, application, 200],
    ['code.issued', account, application, 303],
    ['token.issued', account, application, 200],
    ['token.reused', application, application, 400],
  ])
  for (const { ip } of rows) t.equal(ip, '192.0.2.7')
  const text = JSON.stringify(rows)
  const secrets = [client.client_secret, tokens.access_token, tokens.refresh_token, checks.pkceCodeVerifier]
  for (const secret of [...secrets, back.searchParams.get('code'), person.password, 'not this']) {
    t.notOk(text.includes(secret as string))
  }
})

t.test('refusals of the protocol are in it, too', async (t) => {
  const service = await oauth(t)
  const client = await service.register()
  const library = await service.libraryFor(client)
  const evil = await service.authorization(library, { redirect_uri: 'https://evil.example' })
  await service.browser().open(evil.url)
  const thief = await service.libraryFor({ id: client.id, client_secret: 'guess' })
  await t.rejects(openid.refreshTokenGrant(thief, 'x'))
  const denied = await service.authorization(library)
  const window = service.browser()
  await window.submit(await window.open(denied.url), {}, 1)
  const events = (await entries(service)).map(({ event, target, status }) => [event, target, status])
  t.same(events.slice(1), [
    ['oauth.refused', `client:${client.id}`, 400],
    ['token.refused', `client:${client.id}`, 401],
    ['oauth.denied', `client:${client.id}`, 200],
    ['oauth.refused', `client:${client.id}`, 303],
  ])
})
