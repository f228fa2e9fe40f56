import * as openid from 'openid-client'
import t from 'tap'
import { leavesFor } from './test/browser.ts'
import { oauth, type OAuth } from './test/oauth.ts'

const AFTER = 'https://app.example/bye'

async function signedIn(service: OAuth) {
  const client = await service.register({ post_logout_redirect_uris: [AFTER] })
  const person = await service.signedUp()
  return { client, person, ...(await service.allowed(client, person)) }
}

t.test('an application signs a person out, after asking, and is gone back to', async (t) => {
  const service = await oauth(t)
  const { library, tokens, window } = await signedIn(service)
  const parameters = { post_logout_redirect_uri: AFTER, id_token_hint: tokens.id_token as string, state: 'a b' }
  const url = openid.buildEndSessionUrl(library, parameters)
  const ask = await window.open(url)
  t.match(ask.title, /Sign out/)
  t.ok(await service.verifyToken(tokens.access_token), 'a link alone signs nobody out')
  const back = leavesFor(await window.submit(ask, { logout: 'yes' }))
  t.equal(back.href, `${AFTER}?state=a+b`)
  t.equal(await service.verifyToken(tokens.access_token), undefined)
  t.match((await window.open((await service.authorization(library)).url)).title, /Sign in/)
})

t.test('who stays signed in ends the one application only', async (t) => {
  const service = await oauth(t)
  const { library, window, client } = await signedIn(service)
  const ask = await window.open(openid.buildEndSessionUrl(library, { client_id: client.id }))
  const done = await window.submit(ask)
  t.match(done.title, /Signed out/)
  t.match((await window.open((await service.authorization(library)).url)).title, /Allow/)
})

t.test('who is not signed in is led on by a button, not by a script', async (t) => {
  const service = await oauth(t)
  const { library, client } = await signedIn(service)
  const window = service.browser('ko')
  const parameters = { post_logout_redirect_uri: AFTER, client_id: client.id }
  const ask = await window.open(openid.buildEndSessionUrl(library, parameters))
  t.match(ask.title, /로그아웃/)
  t.notMatch(ask.text, /<script/)
  t.equal(leavesFor(await window.submit(ask, { logout: 'yes' })).href, AFTER)
})

t.test('signing out leads nowhere that is not registered', async (t) => {
  const service = await oauth(t)
  const { library, tokens, window, client } = await signedIn(service)
  for (const post_logout_redirect_uri of [
    'https://evil.example',
    `${AFTER}/`,
    `${AFTER}?x=1`,
    'https://app.example.evil.example/bye',
    'javascript:alert(1)',
  ]) {
    for (const who of [{ client_id: client.id }, { id_token_hint: tokens.id_token }] as Record<string, string>[]) {
      const page = await window.open(openid.buildEndSessionUrl(library, { post_logout_redirect_uri, ...who }))
      t.equal(page.status, 400, post_logout_redirect_uri)
      t.equal(page.headers.get('location'), null)
    }
    const url = new URL('http://localhost:5000/oauth/session/end')
    url.searchParams.set('post_logout_redirect_uri', post_logout_redirect_uri)
    const done = await window.submit(await window.open(url), { logout: 'yes' })
    t.match(done.title, /Signed out/, 'nobody said whose address that is')
  }
})

t.test('a form of another site signs nobody out', async (t) => {
  const service = await oauth(t)
  const { window, tokens } = await signedIn(service)
  const body = new URLSearchParams({ logout: 'yes', xsrf: 'guess' })
  const forged = await window.ask(new URL('http://localhost:5000/oauth/session/end/confirm'), { method: 'POST', body })
  t.equal(forged.status, 400)
  t.ok(await service.verifyToken(tokens.access_token))
})
