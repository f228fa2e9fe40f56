import t from 'tap'
import { withApp, wrongCode } from '../../test/authenticator-app.ts'
import { leavesFor } from '../test/browser.ts'
import { oauth, type OAuth } from '../test/oauth.ts'

async function atSecondStep(service: OAuth) {
  const person = await service.signedUp()
  const signed = await service.signedIn(person)
  const authenticator = await withApp(service, { ...person, credential: signed.as.credential as string })
  const library = await service.libraryFor(await service.register())
  const window = service.browser()
  const { url } = await service.authorization(library)
  const page = await service.signIn(window, await window.open(url), person)
  return { person, authenticator, window, page, url }
}

t.test('an account with a second factor is asked for a code after the password', async (t) => {
  const service = await oauth(t)
  const { person, authenticator, window, page, url } = await atSecondStep(service)
  t.match(page.title, /Second step/)
  t.match((await window.open(page.url)).title, /Second step/, 'also after a reload')
  t.match((await window.open(url)).title, /Sign in/, 'the password alone is no sign-in')

  const again = await service.signIn(window, await window.open(url), person)
  const wrong = await window.submit(again, { code: wrongCode(authenticator.secret) })
  t.equal(wrong.status, 401)
  t.match(wrong.text, /code is wrong/)
  const consent = await window.submit(wrong, { code: ` ${authenticator.code()} ` })
  t.match(consent.title, /Allow/)
  t.ok(leavesFor(await service.allow(window, consent)).searchParams.get('code'))
})

t.test('a code is not taken after a password that was right before everything was ended', async (t) => {
  const service = await oauth(t)
  const { person, authenticator, window, page } = await atSecondStep(service)
  const { as } = await service.signedIn(person, { code: authenticator.code() })
  await service.call('DELETE', '/api/auth/sessions', { as })
  const ended = await window.submit(page, { code: authenticator.recoveryCodes[0] as string })
  t.equal(ended.status, 400)
})

t.test('a recovery code lets in, once', async (t) => {
  const service = await oauth(t)
  const { authenticator, window, page, person, url } = await atSecondStep(service)
  const [code = ''] = authenticator.recoveryCodes
  t.match((await window.submit(page, { code })).title, /Allow/)
  const other = service.browser()
  const second = await service.signIn(other, await other.open(url), person)
  t.equal((await other.submit(second, { code })).status, 401)
})

t.test('guessing codes is slowed down, and the password can be asked for again', async (t) => {
  const service = await oauth(t)
  const { authenticator, window, page } = await atSecondStep(service)
  let last = page
  for (let i = 0; i < 30 && last.status !== 429; i++)
    last = await window.submit(last, { code: wrongCode(authenticator.secret) })
  t.equal(last.status, 429)
  t.match(last.headers.get('retry-after'), /^\d+$/)
  t.equal((await window.submit(last, { code: authenticator.code() })).status, 429)
  t.match((await window.open(`${page.url.pathname}?login=again`)).title, /Sign in/)
})

t.test('who takes too long between password and code begins anew', async (t) => {
  const service = await oauth(t, { SECOND_STEP_TTL_S: '60' })
  const { authenticator, window, page } = await atSecondStep(service)
  const now = Date.now
  t.teardown(() => (Date.now = now))
  Date.now = () => now() + 61_000
  const late = await window.submit(page, { code: authenticator.code() })
  t.match(late.title, /Sign in/)
})
