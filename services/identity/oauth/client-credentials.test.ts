import * as openid from 'openid-client'
import t from 'tap'
import { oauth, refusal } from './test/oauth.ts'

const SERVICE = {
  name: 'CI',
  grant_types: ['client_credentials'],
  redirect_uris: [],
  scope: 'ingest reports:read',
  role: 'operator',
}

t.test('an application acts in its own name, with the role and tenant of its registration', async (t) => {
  const service = await oauth(t)
  const client = await service.register(SERVICE)
  const library = await service.libraryFor(client)
  const tokens = await openid.clientCredentialsGrant(library, { scope: 'ingest' })
  t.match(tokens, { token_type: 'bearer', scope: 'ingest', expires_in: service.config.ACCESS_TOKEN_TTL_S })
  t.equal(tokens.refresh_token, undefined)
  const verified = await service.verifyToken(tokens.access_token)
  t.match(verified, { tenant: 'default', role: 'operator', scope: 'ingest' })
  t.equal(verified?.user, undefined)
  t.same(verified?.subjects, [verified?.credential, `client:${client.id}`])
  t.match(await openid.tokenIntrospection(library, tokens.access_token), {
    active: true,
    scope: 'ingest',
    client_id: client.id,
    tenant: 'default',
    role: 'operator',
  })
  await t.rejects(openid.fetchUserInfo(library, tokens.access_token, openid.skipSubjectCheck), 'it is nobody')
})

t.test('who asks for no scope gets all that the application has; for another, nothing', async (t) => {
  const service = await oauth(t)
  const library = await service.libraryFor(await service.register(SERVICE))
  t.match(await openid.clientCredentialsGrant(library), { scope: 'ingest reports:read' })
  for (const scope of ['admin', 'ingest admin', 'root', 'openid', 'offline_access ingest']) {
    await t.rejects(openid.clientCredentialsGrant(library, { scope }), refusal('invalid_scope'), scope)
  }
})

t.test('only an application that may, and proves itself, gets a token', async (t) => {
  const service = await oauth(t)
  const person = await service.libraryFor(await service.register())
  await t.rejects(openid.clientCredentialsGrant(person), refusal('invalid_request'))
  const client = await service.register(SERVICE)
  const { secret_hash } = service.clients.find(client.id) as { secret_hash: string }
  for (const client_secret of ['guess', secret_hash, `${client.client_secret} `]) {
    const thief = await service.libraryFor({ id: client.id, client_secret })
    await t.rejects(openid.clientCredentialsGrant(thief), { status: 401 } as unknown as Error, client_secret)
  }
  const nobody = await service.libraryFor({ id: client.id })
  await t.rejects(openid.clientCredentialsGrant(nobody), refusal('invalid_client'))
})

t.test('a role that is lowered counts for tokens that are out already', async (t) => {
  const service = await oauth(t)
  const client = await service.register(SERVICE)
  const { access_token } = await openid.clientCredentialsGrant(await service.libraryFor(client))
  const body = { role: 'viewer', scope: 'reports:read' }
  const changed = await service.call('PATCH', `/api/admin/clients/${client.id}`, { as: service.admin, body })
  t.equal(changed.status, 200, changed.text)
  t.match(await service.verifyToken(access_token), { role: 'viewer', scope: 'reports:read' })
  t.ok(service.revoked().includes(`client:${client.id}`), 'gateways ask anew')
})
