import { randomBytes } from 'node:crypto'
import { renameSync } from 'node:fs'
import { createRequire } from 'node:module'
import * as openid from 'openid-client'
import t from 'tap'
import { ISSUER, oauth, refusal } from './test/oauth.ts'

const isLoaded = () => Object.keys(createRequire(import.meta.url).cache).some((file) => file.includes('/koa/'))

t.test('the provider is loaded when the first application comes, not before', async (t) => {
  const service = await oauth(t)
  t.equal((await service.call('GET', '/.well-known/jwks.json')).status, 200)
  t.equal(await service.verifyToken(randomBytes(32).toString('base64url')), undefined)
  t.notOk(isLoaded())
  const { client_secret, ...client } = await service.register()
  t.notOk(isLoaded(), 'registering needs none of it')
  await service.libraryFor({ ...client, ...(client_secret === undefined ? {} : { client_secret }) })
  t.ok(isLoaded())
})

t.test('both discovery documents say the same, with addresses that people can reach', async (t) => {
  const service = await oauth(t, { PUBLIC_URL: 'https://home.example' })
  const documents = await Promise.all(
    ['openid-configuration', 'oauth-authorization-server'].map(async (name) => {
      const answer = await service.call('GET', `/.well-known/${name}`, { headers: { host: 'evil.example' } })
      t.equal(answer.status, 200)
      t.match(answer.headers['x-request-id'], /./)
      return answer.json<Record<string, unknown>>()
    }),
  )
  t.same(documents[0], documents[1])
  t.match(documents[0], {
    issuer: 'https://home.example',
    authorization_endpoint: 'https://home.example/oauth/auth',
    token_endpoint: 'https://home.example/oauth/token',
    jwks_uri: 'https://home.example/.well-known/jwks.json',
    device_authorization_endpoint: 'https://home.example/oauth/device/auth',
    end_session_endpoint: 'https://home.example/oauth/session/end',
    authorization_response_iss_parameter_supported: true,
    ui_locales_supported: ['ko', 'en'],
  })
})

t.test('a page of a public application may ask for tokens from its own origin; no other page may', async (t) => {
  const service = await oauth(t)
  const [open, secret] = [await service.register({ token_endpoint_auth_method: 'none' }), await service.register()]
  const ask = (id: string, origin: string, more = {}) =>
    service.send(new URL(`${ISSUER}/oauth/token`), {
      method: 'POST',
      headers: { origin },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', client_id: id, ...more }),
    })
  const allowed = await ask(open.id, 'https://app.example')
  t.equal(allowed.headers.get('access-control-allow-origin'), 'https://app.example')
  t.match(await allowed.json(), { error: 'invalid_grant' })
  for (const refused of [
    await ask(open.id, 'https://evil.example'),
    await ask(secret.id, 'https://app.example', { client_secret: secret.client_secret }),
  ]) {
    t.equal(refused.headers.get('access-control-allow-origin'), null)
    t.match(await refused.json(), { error: 'invalid_request' })
  }
})

t.test('who only looks at a page leaves nothing for long', async (t) => {
  const service = await oauth(t)
  await service.browser().open('/oauth/device')
  const expires = service.db.prepare<[], number>("SELECT expires FROM oidc_records WHERE model = 'Session'").pluck()
  t.ok((expires.get() as number) <= Date.now() + service.config.OAUTH_INTERACTION_TTL_S * 1000)
})

t.test('a database that is gone is said to be a fault here, without its cause', async (t) => {
  const service = await oauth(t)
  const library = await service.libraryFor(await service.register())
  const { url } = await service.authorization(library)
  renameSync(service.db.name, `${service.db.name}.gone`)
  await service.health.check()
  const page = await service.browser().open(url)
  t.equal(page.status, 503)
  t.match(page.text, /server_error/)
  t.match(page.text, /Something went wrong here/)
  t.notMatch(page.text, /database|writes/)
})

t.test('metrics see what the provider answers', async (t) => {
  const service = await oauth(t)
  const library = await service.libraryFor(await service.register())
  await t.rejects(openid.refreshTokenGrant(library, 'unknown'), refusal('invalid_grant'))
  t.match(await service.metrics.registry.metrics(), /route="\/oauth\/token",status="400"/)
})
