import * as openid from 'openid-client'
import t from 'tap'
import { leavesFor } from './test/browser.ts'
import { CALLBACK, ISSUER, oauth } from './test/oauth.ts'

t.test('a person signs in, allows an application, and it learns who they are and acts for them', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp({ role: 'operator' })
  const client = await service.register()
  const scope = 'openid profile email calendar:read'
  const { tokens, library, back } = await service.allowed(client, person, { scope })

  t.equal(back.origin + back.pathname, CALLBACK)
  t.equal(back.searchParams.get('iss'), ISSUER, 'RFC 9207')
  t.equal(tokens.token_type, 'bearer')
  t.equal(tokens.expires_in, service.config.ACCESS_TOKEN_TTL_S)
  t.equal(tokens.scope, scope)
  t.equal(tokens.refresh_token, undefined, 'nobody asked for access while away')
  t.match(tokens.claims(), { sub: person.user, iss: ISSUER, aud: client.id })

  const claims = await openid.fetchUserInfo(library, tokens.access_token, person.user)
  t.same(claims, {
    sub: person.user,
    name: person.name,
    locale: 'ko',
    zoneinfo: 'Asia/Seoul',
    email: person.email,
    email_verified: true,
  })

  t.match(await service.verifyToken(tokens.access_token), {
    user: person.user,
    tenant: 'default',
    role: 'operator',
    scope: 'calendar:read',
  })
  t.match(await openid.tokenIntrospection(library, tokens.access_token), {
    active: true,
    sub: person.user,
    client_id: client.id,
    tenant: 'default',
    role: 'operator',
  })
})

t.test('who has allowed an application and is signed in comes back without a page', async (t) => {
  const service = await oauth(t)
  const { library, window } = await service.allowed(await service.register(), await service.signedUp())
  const { url, checks } = await service.authorization(library)
  const back = leavesFor(await window.open(url))
  t.match(await openid.authorizationCodeGrant(library, back, checks), { token_type: 'bearer' })
})
