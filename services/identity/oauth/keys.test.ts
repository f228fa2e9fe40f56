import { createLocalJWKSet, decodeProtectedHeader, jwtVerify, type JSONWebKeySet } from 'jose'
import * as openid from 'openid-client'
import t from 'tap'
import { leavesFor } from './test/browser.ts'
import { ISSUER, oauth } from './test/oauth.ts'

t.test('new signing keys are used at once, old ID tokens can be verified, and nobody signs in anew', async (t) => {
  const service = await oauth(t, { SIGNING_KEY_PUBLISH_AHEAD_S: '0' })
  const client = await service.register()
  const more = { scope: 'openid offline_access', prompt: 'consent' }
  const { tokens, library, window } = await service.allowed(client, await service.signedUp(), more)
  const before = tokens.id_token as string
  t.match(decodeProtectedHeader(before), { alg: 'EdDSA', kid: /./ })

  const rotated = await service.call('POST', '/api/admin/signing-keys/rotate', { as: service.admin, body: {} })
  t.ok(rotated.status < 300, rotated.text)
  const { url, checks } = await service.authorization(library, { scope: 'openid' })
  const back = leavesFor(await window.open(url))
  const after = (await openid.authorizationCodeGrant(library, back, checks)).id_token as string
  t.not(decodeProtectedHeader(after).kid, decodeProtectedHeader(before).kid)
  t.ok(await openid.refreshTokenGrant(library, tokens.refresh_token as string))

  const jwks = (await service.call('GET', '/.well-known/jwks.json')).json<JSONWebKeySet>()
  for (const token of [before, after]) {
    await jwtVerify(token, createLocalJWKSet(jwks), { issuer: ISSUER, audience: client.id, algorithms: ['EdDSA'] })
  }
  const hinted = openid.buildEndSessionUrl(library, { id_token_hint: before })
  t.equal((await window.open(hinted)).status, 200, 'the provider still knows its old tokens')
})

t.test('what identity knows survives a restart', async (t) => {
  const first = await oauth(t)
  const client = await first.register()
  const person = await first.signedUp()
  const more = { scope: 'openid offline_access calendar:read', prompt: 'consent' }
  const { tokens, window } = await first.allowed(client, person, more)
  const cookies = window.cookies()
  await first.close()

  const second = await oauth(t, { DATA_DIR: first.dataDir })
  const library = await second.libraryFor(client)
  t.match(await second.verifyToken(tokens.access_token), { user: person.user })
  t.ok(await openid.refreshTokenGrant(library, tokens.refresh_token as string))
  const again = second.browser()
  again.cookies().push(...cookies)
  t.ok(
    leavesFor(await again.open((await second.authorization(library, { scope: 'openid' })).url)).searchParams.get(
      'code',
    ),
  )
})
