import * as openid from 'openid-client'
import t from 'tap'
import { leavesFor } from './test/browser.ts'
import { CALLBACK, ISSUER, oauth, refusal } from './test/oauth.ts'

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

t.test('our own web application asks those of its tenant to sign in, but not for leave; others it asks', async (t) => {
  const service = await oauth(t)
  const client = await service.register({ first_party: true })
  const library = await service.libraryFor(client)
  const own = await service.authorization(library, { scope: 'openid calendar:read' })
  const window = service.browser()
  const back = leavesFor(await service.signIn(window, await window.open(own.url), await service.signedUp()))
  t.match(await openid.authorizationCodeGrant(library, back, own.checks), { scope: 'openid calendar:read' })

  const foreign = await service.authorization(library)
  const other = service.browser()
  const stranger = await service.signedUp({ tenant: 'elsewhere' })
  const page = await service.signIn(other, await other.open(foreign.url), stranger)
  t.match(page.title, /Allow/)
})

t.test('a code is good once: its second use ends what came of the first', async (t) => {
  const service = await oauth(t)
  const { library, tokens, back, checks } = await service.allowed(await service.register(), await service.signedUp(), {
    scope: 'openid offline_access calendar:read',
    prompt: 'consent',
  })
  t.ok(await service.verifyToken(tokens.access_token))
  await t.rejects(openid.authorizationCodeGrant(library, back, checks), refusal('invalid_grant'))
  t.equal(await service.verifyToken(tokens.access_token), undefined)
  await t.rejects(openid.refreshTokenGrant(library, tokens.refresh_token as string), refusal('invalid_grant'))
})

t.test('of two who use a code at the same moment none keeps anything', async (t) => {
  const service = await oauth(t)
  const library = await service.libraryFor(await service.register())
  const { url, checks } = await service.authorization(library)
  const window = service.browser()
  const consent = await service.signIn(window, await window.open(url), await service.signedUp())
  const back = leavesFor(await service.allow(window, consent))
  const results = await Promise.allSettled([1, 2, 3].map(() => openid.authorizationCodeGrant(library, back, checks)))
  for (const result of results) {
    if (result.status === 'fulfilled') t.equal(await service.verifyToken(result.value.access_token), undefined)
    else t.match(result.reason as object, refusal('invalid_grant'))
  }
  t.ok(results.filter(({ status }) => status === 'rejected').length >= 2)
})

t.test('a code is bound to its verifier, its application and its address', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const client = await service.register({ redirect_uris: [CALLBACK, 'https://app.example/other'] })
  const thief = await service.libraryFor(await service.register())
  const library = await service.libraryFor(client)

  const codeFor = async () => {
    const { url, checks } = await service.authorization(library, { prompt: 'login consent' })
    const window = service.browser()
    const consent = await service.signIn(window, await window.open(url), person)
    return { back: leavesFor(await service.allow(window, consent)), checks }
  }
  const first = await codeFor()
  const verifier = { ...first.checks, pkceCodeVerifier: openid.randomPKCECodeVerifier() }
  await t.rejects(openid.authorizationCodeGrant(library, first.back, verifier), refusal('invalid_grant'))
  const second = await codeFor()
  await t.rejects(openid.authorizationCodeGrant(thief, second.back, second.checks), refusal('invalid_grant'))
  const third = await codeFor()
  const elsewhere = new URL(`https://app.example/other${third.back.search}`)
  await t.rejects(openid.authorizationCodeGrant(library, elsewhere, third.checks), refusal('invalid_grant'))
})

t.test('a request without PKCE, or with the plain method, is refused', async (t) => {
  const service = await oauth(t)
  for (const fields of [{}, { token_endpoint_auth_method: 'none', application_type: 'native' }]) {
    const library = await service.libraryFor(await service.register(fields))
    const { url } = await service.authorization(library)
    const changed = (change: (params: URLSearchParams) => void) => {
      const copy = new URL(url)
      change(copy.searchParams)
      return copy
    }
    const without = changed((params) =>
      ['code_challenge', 'code_challenge_method'].forEach((name) => params.delete(name)),
    )
    const plain = changed((params) => params.set('code_challenge_method', 'plain'))
    const unnamed = changed((params) => params.delete('code_challenge_method'))
    for (const request of [without, plain, unnamed]) {
      const back = leavesFor(await service.browser().open(request))
      t.equal(back.origin + back.pathname, CALLBACK)
      t.equal(back.searchParams.get('error'), 'invalid_request')
      t.equal(back.searchParams.get('code'), null)
    }
  }
})

t.test('an address that is not registered letter by letter is never led to', async (t) => {
  const service = await oauth(t)
  const library = await service.libraryFor(await service.register())
  for (const redirect_uri of [
    'https://evil.example/callback',
    `${CALLBACK}/`,
    `${CALLBACK}?next=1`,
    `${CALLBACK}#fragment`,
    CALLBACK.toUpperCase(),
    CALLBACK.replace('app.', 'app.example.evil.'),
    CALLBACK.replace('https:', 'http:'),
    CALLBACK.replace('app.example', 'app.example:444'),
    CALLBACK.replace('app.example', 'app.example@evil.example'),
    'javascript:alert(1)',
    '//evil.example',
    '',
  ]) {
    const { url } = await service.authorization(library, { redirect_uri })
    const page = await service.browser().open(url)
    t.equal(page.status, 400, redirect_uri)
    t.equal(page.headers.get('location'), null)
    t.equal(page.headers.get('refresh'), null)
    t.match(page.title, /did not work/)
    t.notMatch(page.text, /node_modules|at .*\.js:/)
  }
})

t.test('what is not a code is not given: no implicit, no hybrid, no password, no fragment, no form', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const client = await service.register()
  const library = await service.libraryFor(client)
  for (const change of [
    { response_type: 'token' },
    { response_type: 'id_token', nonce: 'n' },
    { response_type: 'code id_token', nonce: 'n' },
    { response_type: 'none' },
    { response_mode: 'fragment' },
    { response_mode: 'form_post' },
  ] as Record<string, string>[]) {
    const { url } = await service.authorization(library, change)
    const page = await service.browser().open(url)
    const location = page.headers.get('location') ?? ''
    t.match(location, /^https:..app\.example.*error=(?:unsupported_response|invalid_request)/, JSON.stringify(change))
    t.notMatch(location, /[?&#](?:code|access_token|id_token)=/)
  }
  const body = { grant_type: 'password', username: person.email, password: person.password }
  await t.rejects(openid.genericGrantRequest(library, 'password', body), refusal('unsupported_grant_type'))
  const metadata = library.serverMetadata()
  t.same(metadata.response_types_supported, ['code'])
  t.same(metadata.response_modes_supported, ['query'])
  t.same(metadata.code_challenge_methods_supported, ['S256'])
  t.same(metadata.id_token_signing_alg_values_supported, ['EdDSA'])
  t.notOk(metadata.grant_types_supported?.includes('implicit'))
})

t.test('scopes that nobody knows give nothing; those of others are refused', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp()
  const client = await service.register({ scope: 'openid calendar:read' })
  const { tokens } = await service.allowed(client, person, { scope: 'openid calendar:read root diary' })
  t.equal(tokens.scope, 'openid calendar:read')
  const library = await service.libraryFor(client)
  const { url } = await service.authorization(library, { scope: 'openid admin' })
  const back = leavesFor(await service.browser().open(url))
  t.equal(back.searchParams.get('error'), 'invalid_scope')
})

t.test('a request can be pushed before (RFC 9126)', async (t) => {
  const service = await oauth(t)
  const library = await service.libraryFor(await service.register())
  const verifier = openid.randomPKCECodeVerifier()
  const url = await openid.buildAuthorizationUrlWithPAR(library, {
    redirect_uri: CALLBACK,
    scope: 'openid',
    code_challenge: await openid.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
  })
  t.equal(url.searchParams.get('redirect_uri'), null)
  const window = service.browser()
  const consent = await service.signIn(window, await window.open(url), await service.signedUp())
  const back = leavesFor(await service.allow(window, consent))
  t.match(await openid.authorizationCodeGrant(library, back, { pkceCodeVerifier: verifier }), { scope: 'openid' })
})
