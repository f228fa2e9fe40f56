import * as openid from 'openid-client'
import t from 'tap'
import { oauth } from '../test/oauth.ts'
import type { Client } from './store.ts'

const CLIENTS = '/api/admin/clients'
const WEB = { name: '웹', redirect_uris: ['https://app.example/callback'], scope: 'openid' }

interface Refused {
  errors: { field: string; message: string }[]
}

t.test('an administrator registers, reads, changes and removes an application', async (t) => {
  const { admin, call, revoked } = await oauth(t)
  const made = await call('POST', CLIENTS, { as: admin, body: { ...WEB, tenant: 'elsewhere', id: 'mine', role: null } })
  t.equal(made.status, 201, made.text)
  t.equal(made.headers['cache-control'], 'no-store')
  const { client_secret, ...client } = made.json<Client & { client_secret: string }>()
  t.match(client_secret, /^[\w-]{43}$/)
  t.match(client, {
    ...WEB,
    tenant: 'default',
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
    application_type: 'web',
    first_party: false,
    role: null,
  })
  t.not(client.id, 'mine', 'nobody chooses an id or a tenant')

  const url = `${CLIENTS}/${client.id}`
  const read = await call('GET', url, { as: admin })
  t.same(read.json(), client)
  t.notMatch(read.text, /client_secret"|secret_hash/)
  const stale = await call('PATCH', url, { as: admin, body: { name: 'x' }, headers: { 'if-match': '"old"' } })
  t.equal(stale.status, 412)
  const headers = { 'if-match': read.headers.etag as string }
  const changed = await call('PATCH', url, { as: admin, body: { name: '새 이름' }, headers })
  t.equal(changed.status, 200, changed.text)
  t.match(changed.json(), { id: client.id, name: '새 이름', scope: 'openid' })
  t.equal((await call('DELETE', url, { as: admin })).status, 204)
  t.equal((await call('GET', url, { as: admin })).status, 404)
  t.ok(revoked().includes(`client:${client.id}`))
})

t.test('applications are listed by pages, each tenant its own', async (t) => {
  const { admin, call, register, signedUp } = await oauth(t, { OAUTH_CLIENTS_MAX: '3' })
  const names = ['하나', '둘', '셋']
  for (const name of names) await register({ name })
  const first = await call('GET', `${CLIENTS}?limit=2`, { as: admin })
  const { clients, next_cursor } = first.json<{ clients: Client[]; next_cursor: string }>()
  const second = await call('GET', `${CLIENTS}?limit=2&cursor=${next_cursor}`, { as: admin })
  const rest = second.json<{ clients: Client[]; next_cursor?: string }>()
  t.same(
    [...clients, ...rest.clients].map(({ name }) => name),
    names,
  )
  t.equal(rest.next_cursor, undefined)
  t.equal((await call('POST', CLIENTS, { as: admin, body: WEB })).status, 409, 'there is an end')

  const other = await signedUp({ tenant: 'elsewhere', role: 'admin' })
  t.same((await call('GET', CLIENTS, { as: other })).json(), { clients: [] })
  const [{ id }] = clients as [Client]
  for (const method of ['GET', 'PATCH', 'DELETE'] as const) {
    const body = method === 'PATCH' ? { body: { name: 'x' } } : {}
    t.equal((await call(method, `${CLIENTS}/${id}`, { as: other, ...body })).status, 404)
  }
  t.equal((await call('POST', `${CLIENTS}/${id}/secret`, { as: other })).status, 404)
})

t.test('only administrators see them', async (t) => {
  const { call, signedUp } = await oauth(t)
  for (const role of ['viewer', 'operator', 'auditor'] as const) {
    t.equal((await call('GET', CLIENTS, { as: await signedUp({ role }) })).status, 403)
  }
  t.equal((await call('POST', CLIENTS, { body: WEB })).status, 401)
})

t.test('an address is https, or http on this machine, and says exactly where', async (t) => {
  const { admin, call } = await oauth(t)
  const post = (redirect_uri: string, more = {}) =>
    call('POST', CLIENTS, { as: admin, body: { ...WEB, redirect_uris: [redirect_uri], ...more } })
  for (const uri of [
    'http://app.example/callback',
    'https://app.example/callback#part',
    'https://*.example/callback',
    'https://app.example/*',
    'https://user:pass@app.example/callback',
    'https://APP.example/callback',
    'https://app.example/a/../callback',
    'https:/app.example/callback',
    'app.example/callback',
    'javascript:alert(1)',
    'data:text/html,x',
    'com.example.app:/callback',
    'http://localhost.evil.example/callback',
    'http://127.0.0.1.evil.example/callback',
    'https://app.example/\ncallback',
    '',
  ]) {
    const refused = await post(uri)
    t.equal(refused.status, 400, uri)
    t.match(refused.json<Refused>().errors[0]?.field, /^redirect_uris/)
  }
  for (const uri of [
    'https://app.example',
    'http://localhost:8080/callback',
    'http://127.0.0.1/',
    'http://[::1]:9/cb',
  ]) {
    t.equal((await post(uri)).status, 201, uri)
    t.equal((await post(uri, { application_type: 'native', token_endpoint_auth_method: 'none' })).status, 201, uri)
  }
  const logout = { post_logout_redirect_uris: ['http://evil.example'] }
  t.equal(
    (await post('https://app.example/cb', logout)).json<Refused>().errors[0]?.field,
    'post_logout_redirect_uris.0',
  )
})

t.test('fields that do not fit together are named', async (t) => {
  const { admin, call } = await oauth(t)
  const cc = { grant_types: ['client_credentials'], redirect_uris: [], scope: 'ingest', role: 'operator' }
  for (const [field, body] of [
    ['redirect_uris', { redirect_uris: [] }],
    ['redirect_uris', { application_type: 'native', redirect_uris: ['https://localhost/cb'] }],
    ['post_logout_redirect_uris', { application_type: 'native', post_logout_redirect_uris: ['https://[::1]:1/cb'] }],
    ['grant_types', { grant_types: ['refresh_token'], redirect_uris: [] }],
    ['grant_types.0', { grant_types: ['implicit'] }],
    ['grant_types.0', { grant_types: ['password'] }],
    ['token_endpoint_auth_method', { ...cc, token_endpoint_auth_method: 'none' }],
    ['token_endpoint_auth_method', { token_endpoint_auth_method: 'private_key_jwt' }],
    ['role', { ...cc, role: null }],
    ['role', { ...cc, role: 'service' }],
    ['role', { role: 'admin' }],
    ['scope', { ...cc, scope: 'openid' }],
    ['scope', { scope: 'openid everything' }],
    ['name', { name: ' ' }],
  ] as const) {
    const refused = await call('POST', CLIENTS, { as: admin, body: { ...WEB, ...body } })
    t.equal(refused.status, 400, JSON.stringify(body))
    t.equal(refused.json<Refused>().errors[0]?.field, field)
  }
  const missing = await call('POST', CLIENTS, { as: admin, body: {} })
  t.same(
    missing.json<Refused>().errors.map(({ field }) => field),
    ['name', 'scope'],
  )
})

t.test('a secret is shown once; a new one takes the place of the old one', async (t) => {
  const service = await oauth(t)
  const { admin, call, register, libraryFor } = service
  const client = await register({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    scope: 'ingest',
    role: 'operator',
  })
  const old = await libraryFor(client)
  await openid.clientCredentialsGrant(old)
  const rotated = await call('POST', `${CLIENTS}/${client.id}/secret`, { as: admin })
  t.equal(rotated.status, 200)
  t.equal(rotated.headers['cache-control'], 'no-store')
  const { client_secret } = rotated.json<{ client_secret: string }>()
  await t.rejects(openid.clientCredentialsGrant(old))
  t.ok(await openid.clientCredentialsGrant(await libraryFor({ id: client.id, client_secret })))
  const rows = service.db.prepare<[], { secret_hash: string }>('SELECT secret_hash FROM oauth_clients').all()
  t.notOk(rows.some((row) => row.secret_hash === client_secret))
})

t.test('a retry of a registration gets the same secret; what is kept for it is sealed', async (t) => {
  const { admin, call, db } = await oauth(t)
  const headers = { 'idempotency-key': 'once' }
  const [first, second] = [
    await call('POST', CLIENTS, { as: admin, body: WEB, headers }),
    await call('POST', CLIENTS, { as: admin, body: WEB, headers }),
  ]
  t.equal(first.status, 201)
  t.equal(second.text, first.text)
  const { body } = db.prepare<[], { body: Buffer }>('SELECT body FROM idempotency_keys').get() as { body: Buffer }
  t.notOk(body.includes(first.json<{ client_secret: string }>().client_secret))
})

t.test('a public application has no secret and gets none', async (t) => {
  const { admin, call, register, libraryFor, authorization } = await oauth(t)
  const client = await register({ token_endpoint_auth_method: 'none' })
  t.equal(client.client_secret, undefined)
  t.equal((await call('POST', `${CLIENTS}/${client.id}/secret`, { as: admin })).status, 409)
  const body = { token_endpoint_auth_method: 'client_secret_basic' }
  const refused = await call('PATCH', `${CLIENTS}/${client.id}`, { as: admin, body })
  t.equal(refused.json<Refused>().errors[0]?.field, 'token_endpoint_auth_method')
  const library = await libraryFor(client)
  t.ok((await authorization(library)).url)
})

t.test('an application that is removed can do nothing any more', async (t) => {
  const service = await oauth(t)
  const client = await service.register()
  const more = { scope: 'openid offline_access calendar:read', prompt: 'consent' }
  const { tokens, library } = await service.allowed(client, await service.signedUp(), more)
  t.ok(await service.verifyToken(tokens.access_token))
  t.equal((await service.call('DELETE', `${CLIENTS}/${client.id}`, { as: service.admin })).status, 204)
  t.equal(await service.verifyToken(tokens.access_token), undefined)
  await t.rejects(openid.refreshTokenGrant(library, tokens.refresh_token as string), {
    status: 401,
  } as unknown as Error)
  const page = await service.browser().open((await service.authorization(library)).url)
  t.equal(page.status, 400)
  t.match(page.text, /invalid_client/)
})

t.test('who is limited to some scopes cannot give an application others, nor act as one that has them', async (t) => {
  const service = await oauth(t)
  const { call, admin } = service
  const limited = { ...admin, scope: 'admin ingest' }
  const fields = { name: 'Build', grant_types: ['client_credentials'], role: 'admin' }
  const register = (scope: string) => call('POST', '/api/admin/clients', { as: limited, body: { ...fields, scope } })
  t.equal((await register('ingest audit:read')).status, 403)
  const own = await register('openid ingest')
  t.equal(own.status, 201, own.text)
  const path = `/api/admin/clients/${own.json<Client>().id}`
  t.equal((await call('PATCH', path, { as: limited, body: { scope: 'audit:read' } })).status, 403)
  t.equal((await call('PATCH', path, { as: limited, body: { name: 'Builds' } })).status, 200)

  const wide = await service.register({ ...fields, scope: 'audit:read' })
  const others = `/api/admin/clients/${wide.id}`
  t.equal((await call('POST', `${others}/secret`, { as: limited })).status, 403)
  t.equal((await call('PATCH', others, { as: limited, body: { scope: 'ingest' } })).status, 403)
})
