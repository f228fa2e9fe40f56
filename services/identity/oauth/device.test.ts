import * as openid from 'openid-client'
import t from 'tap'
import type { Browser, Page } from './test/browser.ts'
import { oauth, refusal, type OAuth } from './test/oauth.ts'

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'

async function withDevice(service: OAuth, scope = 'openid offline_access calendar:read') {
  const client = await service.register({
    name: '벽걸이 달력',
    grant_types: [DEVICE, 'refresh_token'],
    redirect_uris: [],
    token_endpoint_auth_method: 'none',
    application_type: 'native',
  })
  const library = await service.libraryFor(client)
  const codes = await openid.initiateDeviceAuthorization(library, { scope })
  const poll = () =>
    openid.genericGrantRequest(library, DEVICE, { device_code: codes.device_code, client_id: client.id })
  return { client, library, codes, poll }
}

const enter = (window: Browser, page: Page, user_code: string) => window.submit(page, { user_code })

t.test('a device shows a code, a person enters it, and the device gets its tokens', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const { codes, library, poll } = await withDevice(service)
  t.match(codes.user_code, /^[B-Z]{4}-[B-Z]{4}$/)
  t.equal(codes.verification_uri, 'http://localhost:5000/oauth/device')
  await t.rejects(poll(), refusal('authorization_pending'))

  const window = service.browser('ko')
  const form = await window.open(codes.verification_uri)
  t.match(form.title, /기기 연결/)
  const confirm = await enter(window, form, codes.user_code.toLowerCase().replace('-', ' '))
  t.match(confirm.title, /벽걸이 달력 연결/)
  t.match(confirm.text, codes.user_code)
  const signIn = await window.submit(confirm)
  const consent = await service.signIn(window, signIn, person)
  t.match(consent.title, /벽걸이 달력의 접근을 허용할까요/)
  t.match(consent.text, '취소할 때까지 접근')
  const done = await service.allow(window, consent)
  t.match(done.title, /연결되었습니다/)

  const tokens = await poll()
  t.equal(tokens.scope, 'openid offline_access calendar:read')
  t.match(await service.verifyToken(tokens.access_token), { user: person.user, scope: 'calendar:read' })
  const refreshed = await openid.refreshTokenGrant(library, tokens.refresh_token as string)
  t.match(await service.verifyToken(refreshed.access_token), { user: person.user })
  await t.rejects(poll(), refusal('invalid_grant'), 'a device code is good once')
})

t.test(
  'every device asks, also one of an application that was allowed before, by somebody who is signed in',
  async (t) => {
    const service = await oauth(t)
    const { client, library, codes } = await withDevice(service, 'openid')
    const window = service.browser()
    const connect = async (user_code: string) =>
      window.submit(await enter(window, await window.open(codes.verification_uri), user_code))
    const consent = await service.signIn(window, await connect(codes.user_code), await service.signedUp())
    t.match((await service.allow(window, consent)).title, /Connected/)
    const next = await openid.initiateDeviceAuthorization(library, { scope: 'openid', client_id: client.id })
    const again = await connect(next.user_code)
    t.match(again.title, /Allow/)
    t.match((await service.allow(window, again)).title, /Connected/)
  },
)

t.test('an address with the code in it fills in the form, and the person still decides', async (t) => {
  const service = await oauth(t)
  const { codes } = await withDevice(service)
  const window = service.browser()
  const page = await window.open(codes.verification_uri_complete as string)
  t.equal(page.status, 200)
  t.equal(page.forms[0]?.fields.user_code, codes.user_code)
  t.notMatch(page.text, /<script/)
  const confirm = await window.submit(page)
  t.match(confirm.title, /Connect/)
  t.match(confirm.text, /Never enter a code that somebody sent you/)
})

t.test('who cancels gives the device nothing', async (t) => {
  const service = await oauth(t)
  for (const how of ['on the first page', 'instead of allowing'] as const) {
    const { codes, poll } = await withDevice(service)
    const window = service.browser()
    const confirm = await enter(window, await window.open(codes.verification_uri), codes.user_code)
    if (how === 'on the first page')
      t.match((await window.submit(confirm, { abort: 'yes' })).text, /Nothing was connected/)
    else {
      const consent = await service.signIn(window, await window.submit(confirm), await service.signedUp())
      t.match((await window.submit(consent, { decision: 'deny' })).text, /Nothing was connected/)
    }
    await t.rejects(poll(), refusal('access_denied'), how)
  }
})

t.test('codes that are wrong, empty, used or too old are refused', async (t) => {
  const service = await oauth(t)
  const { codes, poll } = await withDevice(service)
  const window = service.browser()
  for (const code of ['BBBB-BBBB', '', '<script>alert(1)</script>', "' OR 1=1 --"]) {
    const refused = await enter(window, await window.open(codes.verification_uri), code)
    t.equal(refused.status, 400, code)
    t.match(refused.text, /code is wrong or too old/)
    t.notMatch(refused.text, /<script/)
  }
  const confirm = await enter(window, await window.open(codes.verification_uri), codes.user_code)
  t.match((await window.submit(confirm)).title, /Sign in/)
  const other = service.browser()
  const second = await enter(other, await other.open(codes.verification_uri), codes.user_code)
  t.equal(second.status, 400, 'another browser has it')

  service.db.prepare("UPDATE oidc_records SET expires = 0 WHERE model = 'DeviceCode'").run()
  const now = Date.now
  t.teardown(() => (Date.now = now))
  Date.now = () => now() + 601_000
  await t.rejects(poll(), refusal('expired_token'))
})

t.test('a form without the secret of the session does nothing', async (t) => {
  const service = await oauth(t)
  const { codes } = await withDevice(service)
  const forged = service.browser()
  const body = new URLSearchParams({ user_code: codes.user_code, confirm: 'yes', xsrf: 'guess' })
  const answer = await forged.ask(new URL(codes.verification_uri), { method: 'POST', body })
  t.equal(answer.headers.get('location'), '/oauth/device', 'who has no session begins anew')
  await forged.open(codes.verification_uri)
  t.equal((await forged.ask(new URL(codes.verification_uri), { method: 'POST', body })).status, 400)
})

t.test(
  'the way back of a sign-in that nobody has begun leads nowhere, with a session, an old one or none',
  async (t) => {
    const service = await oauth(t)
    const window = service.browser()
    const back = () => window.ask(new URL('http://localhost:5000/oauth/device/nobody-knows'))
    const none = await back()
    t.equal(none.status, 303)
    t.equal(none.headers.get('location'), '/oauth/device')
    await window.open('/oauth/device')
    t.equal((await back()).status, 400)
    service.db.prepare('DELETE FROM oidc_records').run()
    t.equal((await back()).status, 400)
  },
)
