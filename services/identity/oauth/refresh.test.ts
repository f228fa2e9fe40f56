import * as openid from 'openid-client'
import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { oauth, refusal, type OAuth } from './test/oauth.ts'

const OFFLINE = { scope: 'openid offline_access calendar:read calendar:write', prompt: 'consent' }

async function offline(service: OAuth, fields: Record<string, unknown> = {}) {
  const person = await service.signedUp()
  const client = await service.register(fields)
  const { tokens, library, window } = await service.allowed(client, person, OFFLINE)
  return { person, client, library, window, first: tokens, refresh: tokens.refresh_token as string }
}

t.test('a refresh token is good once; its successor goes on, for less when asked', async (t) => {
  const service = await oauth(t)
  for (const fields of [{}, { token_endpoint_auth_method: 'none' }]) {
    const { library, refresh, person } = await offline(service, fields)
    const second = await openid.refreshTokenGrant(library, refresh)
    t.not(second.refresh_token, refresh)
    t.match(await service.verifyToken(second.access_token), {
      user: person.user,
      scope: 'calendar:read calendar:write',
    })
    const third = await openid.refreshTokenGrant(library, second.refresh_token as string, { scope: 'calendar:read' })
    t.match(await service.verifyToken(third.access_token), { scope: 'calendar:read' })
    const more = { scope: 'calendar:read admin' }
    await t.rejects(openid.refreshTokenGrant(library, third.refresh_token as string, more), refusal('invalid_scope'))
  }
})

t.test('a refresh token that is used twice ends everything that came of it', async (t) => {
  const service = await oauth(t)
  const { library, refresh, first } = await offline(service)
  const second = await openid.refreshTokenGrant(library, refresh)
  t.ok(await service.verifyToken(second.access_token))
  await t.rejects(openid.refreshTokenGrant(library, refresh), refusal('invalid_grant'))
  t.equal(await service.verifyToken(first.access_token), undefined)
  t.equal(await service.verifyToken(second.access_token), undefined)
  await t.rejects(openid.refreshTokenGrant(library, second.refresh_token as string), refusal('invalid_grant'))
  t.ok(service.revoked().some((subject) => subject.startsWith('grant:')))
})

t.test('of two that use a refresh token at the same moment none keeps anything', async (t) => {
  const service = await oauth(t)
  const { library, refresh } = await offline(service)
  const results = await Promise.allSettled([1, 2, 3].map(() => openid.refreshTokenGrant(library, refresh)))
  for (const result of results) {
    if (result.status === 'rejected') t.match(result.reason as object, { error: 'invalid_grant' })
    else {
      t.equal(await service.verifyToken(result.value.access_token), undefined)
      const next = result.value.refresh_token as string
      await t.rejects(openid.refreshTokenGrant(library, next), refusal('invalid_grant'))
    }
  }
})

t.test('a refresh token works for its own application only', async (t) => {
  const service = await oauth(t)
  const { refresh } = await offline(service)
  const thief = await service.libraryFor(await service.register())
  await t.rejects(openid.refreshTokenGrant(thief, refresh), refusal('invalid_grant'))
})

t.test('signing out leaves what was allowed for the time away, but not the rest', async (t) => {
  const service = await oauth(t)
  const { library, refresh, person, client, first } = await offline(service)
  const short = await service.allowed(await service.register(), person)
  await service.db.transaction(() => service.records.endLogins(person.user))()
  t.equal(await service.verifyToken(short.tokens.access_token), undefined)
  t.match(await service.verifyToken(first.access_token), {
    subjects: [/^token:/, /^grant:/, `client:${client.id}`, `account:${person.user}`],
  })
  t.ok(await openid.refreshTokenGrant(library, refresh))
})

t.test('revoking a token ends it, and the tokens beside it', async (t) => {
  const service = await oauth(t)
  const one = await offline(service)
  await openid.tokenRevocation(one.library, one.refresh)
  t.equal(await service.verifyToken(one.first.access_token), undefined)
  t.match(await openid.tokenIntrospection(one.library, one.first.access_token), { active: false })

  const two = await offline(service)
  const { credential } = (await service.verifyToken(two.first.access_token)) as { credential: string }
  await openid.tokenRevocation(two.library, two.first.access_token)
  t.equal(await service.verifyToken(two.first.access_token), undefined)
  t.ok(service.revoked().includes(credential), 'gateways forget it')

  const three = await offline(service)
  const stranger = await service.libraryFor(await service.register())
  t.match(await openid.tokenIntrospection(stranger, three.first.access_token), { active: false })
  await openid.tokenRevocation(stranger, three.first.access_token)
  t.ok(await service.verifyToken(three.first.access_token), "another application's token is none of its business")
})

t.test('an account that is suspended, in no tenant or gone has no tokens; a new role counts at once', async (t) => {
  const service = await oauth(t)
  const { person, library, refresh, first } = await offline(service)
  const { accounts } = service
  accounts.join(person.user, asTenant('default'), 'auditor')
  t.match(await service.verifyToken(first.access_token), { role: 'auditor' })
  accounts.leave(person.user, asTenant('default'))
  t.equal(await service.verifyToken(first.access_token), undefined)
  await t.rejects(openid.refreshTokenGrant(library, refresh), refusal('invalid_grant'))
  accounts.join(person.user, asTenant('default'), 'viewer')
  t.ok(await service.verifyToken(first.access_token))
  accounts.update(person.user, { state: 'suspended' })
  t.equal(await service.verifyToken(first.access_token), undefined)
  await t.rejects(openid.refreshTokenGrant(library, refresh), refusal('invalid_grant'))
  await t.rejects(openid.fetchUserInfo(library, first.access_token, person.user))
  accounts.remove(person.user)
  t.equal(await service.verifyToken(first.access_token), undefined)
  t.equal(service.records.ofAccount(person.user, 'Grant').length, 0)
})

t.test('a person in several tenants acts in that of the application', async (t) => {
  const service = await oauth(t)
  const person = await service.signedUp({ tenant: 'elsewhere', role: 'viewer' })
  const home = await service.allowed(await service.register(), person)
  t.match(await service.verifyToken(home.tokens.access_token), { tenant: 'elsewhere', role: 'viewer' })
  service.accounts.join(person.user, asTenant('default'), 'operator')
  const there = await service.allowed(await service.register(), person)
  t.match(await service.verifyToken(there.tokens.access_token), { tenant: 'default', role: 'operator' })
})

t.test('what is too old is worth nothing, and is deleted in the end', async (t) => {
  const service = await oauth(t)
  const { first, library, refresh } = await offline(service)
  const now = Date.now
  t.teardown(() => (Date.now = now))
  Date.now = () => now() + 601_000
  t.equal(await service.verifyToken(first.access_token), undefined)
  Date.now = () => now() + 31 * 86_400_000
  await t.rejects(openid.refreshTokenGrant(library, refresh))
  const count = () => service.db.prepare<[], number>('SELECT count(*) FROM oidc_records').pluck().get()
  const before = count() as number
  t.equal(service.db.transaction(() => service.records.sweep())(), false)
  t.ok((count() as number) < before)
})

t.test('nobody who reads the file finds a token, a code or a session in it', async (t) => {
  const service = await oauth(t)
  const { first, refresh, window, client } = await offline(service)
  const rows = service.db.prepare<[], Record<string, unknown>>('SELECT * FROM oidc_records').all()
  const clients = service.db.prepare<[], Record<string, unknown>>('SELECT * FROM oauth_clients').all()
  const text = [...rows, ...clients]
    .flatMap((row) =>
      Object.values(row).map((value) => (Buffer.isBuffer(value) ? value.toString('latin1') : String(value))),
    )
    .join('\n')
  t.ok(rows.length > 3)
  for (const secret of [
    first.access_token,
    refresh,
    client.client_secret as string,
    ...window.cookies().map(({ value }) => value),
  ]) {
    t.notOk(text.includes(secret))
  }
})
