import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { requireGivable } from '../../tenants/realm.ts'
import { identity, type Asked, type Identity, type Person } from '../../test/identity.ts'
import { mailbox } from '#shared/test/mailbox.ts'
import type { AccountView } from '../view.ts'

const ACCOUNTS = '/api/admin/accounts'

interface Page {
  accounts: AccountView[]
  next_cursor?: string
}

const subjects = ({ db }: Identity) => db.prepare<[], string>('SELECT subject FROM revocations').pluck().all()
const login = ({ call }: Identity, { email, password }: Pick<Person, 'email' | 'password'>) =>
  call('POST', '/api/auth/login', { body: { email, password } })

/** An administrator of the system, one of team A, and people. */
async function offices(t: Parameters<typeof identity>[0], env: Record<string, string> = {}) {
  const service = await identity(t, env)
  const chief = await service.signedUp({ role: 'admin', name: 'chief' })
  const lead = await service.signedUp({ role: 'admin', tenant: 'team-a', name: 'lead' })
  const member = await service.signedUp({ tenant: 'team-a', name: 'member' })
  const stranger = await service.signedUp({ tenant: 'team-b', name: 'stranger' })
  const ask = (by: Person, method: string, path: string, asked: Asked = {}) =>
    service.call(method, `${ACCOUNTS}${path}`, { as: by, ...asked })
  return { service, chief, lead, member, stranger, ask }
}

t.test('an administrator lists those of their own tenant, those of default list all', async (t) => {
  const { chief, lead, member, stranger, ask, service } = await offices(t)
  service.accounts.join(member.user, asTenant('team-b'), 'admin')
  const names = async (by: Person, query = '') =>
    (await ask(by, 'GET', query)).json<Page>().accounts.map(({ name }) => name)
  t.same(await names(chief), ['stranger', 'member', 'lead', 'chief'], 'the newest first')
  t.same(await names(lead), ['member', 'lead'])
  const seen = (await ask(lead, 'GET', `/${member.user}`)).json<AccountView>()
  t.same(seen.tenants, [{ tenant: 'team-a', role: 'viewer' }], 'other tenants are not shown')
  t.same((await ask(chief, 'GET', `/${member.user}`)).json<AccountView>().tenants.length, 2)
  t.equal((await ask(lead, 'GET', `/${stranger.user}`)).status, 404)
  t.equal((await ask(lead, 'GET', '/nothing')).status, 404)
  t.notMatch((await ask(chief, 'GET', '')).text, /argon2|hash/)
})

t.test('a list is searched by name, address and state, and read page by page', async (t) => {
  const { chief, lead, ask, service } = await offices(t)
  const name = '김나침'.normalize('NFD')
  const one = await service.signedUp({ name, email: '100%_sure@example.com', state: 'suspended' })
  const find = async (query: Record<string, string>, by = chief) => {
    const answer = await ask(by, 'GET', `?${new URLSearchParams(query).toString()}`)
    return answer.json<Page>().accounts.map(({ id }) => id)
  }
  t.same(await find({ q: '나침' }), [one.user], 'however it is composed')
  t.same(await find({ q: '0%_S' }), [one.user])
  t.same(await find({ q: '%%' }), [])
  t.same(await find({ q: "'; DROP TABLE accounts; --" }), [])
  t.same(await find({ state: 'suspended' }), [one.user])
  t.same(await find({ q: '나침' }, lead), [])
  const pages: string[] = []
  let cursor: string | undefined
  do {
    const query = new URLSearchParams({ limit: '2', ...(cursor === undefined ? {} : { cursor }) })
    const page = (await ask(chief, 'GET', `?${query.toString()}`)).json<Page>()
    pages.push(...page.accounts.map(({ id }) => id))
    cursor = page.next_cursor
  } while (cursor !== undefined)
  t.equal(new Set(pages).size, 5)
  for (const query of ['limit=0', 'limit=101', 'state=x', 'cursor=x', `q=${'x'.repeat(101)}`]) {
    t.equal((await ask(chief, 'GET', `?${query}`)).status, 400, query)
  }
})

t.test('nobody below an administrator gets anywhere here', async (t) => {
  const { service, member, chief } = await offices(t)
  const auditor = await service.signedUp({ role: 'auditor' })
  const routes = [
    ['GET', ''],
    ['POST', ''],
    ['GET', `/${member.user}`],
    ['POST', `/${member.user}/approve`],
    ['POST', `/${member.user}/suspend`],
    ['PUT', `/${member.user}/roles`],
    ['DELETE', `/${member.user}/roles/team-a`],
    ['POST', `/${member.user}/password-reset`],
  ] as const
  for (const [method, path] of routes) {
    const url = `${ACCOUNTS}${path}`
    t.equal((await service.call(method, url)).status, 401, `${method} ${path}`)
    for (const by of [member, auditor]) t.equal((await service.call(method, url, { as: by })).status, 403)
    const narrow = { user: chief.user, role: 'admin', credential: 'key:1', scope: 'account' } as const
    t.equal((await service.call(method, url, { as: narrow })).status, 403)
  }
})

t.test('a suspended account is out at once and comes back when it is reinstated', async (t) => {
  const { service, lead, member, ask } = await offices(t)
  const session = await service.signedIn(member)
  const suspended = await ask(lead, 'POST', `/${member.user}/suspend`)
  t.equal(suspended.json<AccountView>().state, 'suspended')
  t.ok(subjects(service).includes(`account:${member.user}`))
  t.ok(subjects(service).includes(`session:${session.session}`))
  const refresh = { refresh_token: session.refresh_token }
  t.equal((await service.call('POST', '/api/auth/refresh', { body: refresh })).status, 401)
  t.match((await login(service, member)).json(), { status: 403, state: 'suspended' })
  t.equal((await ask(lead, 'POST', `/${member.user}/suspend`)).status, 409)
  t.equal((await ask(lead, 'POST', `/${member.user}/approve`)).status, 409)
  t.equal((await ask(lead, 'POST', `/${member.user}/reinstate`)).json<AccountView>().state, 'approved')
  t.equal((await login(service, member)).status, 200)
})

t.test('a pending account is let in or not, and one that was not can be later', async (t) => {
  const { service, chief, ask } = await offices(t, { SIGNUP: 'approval' })
  const person = { email: 'new@example.com', password: 'some good password', name: 'N' }
  const { id } = (await service.call('POST', '/api/auth/signup', { body: person })).json<AccountView>()
  t.equal((await ask(chief, 'POST', `/${id}/suspend`)).status, 409)
  t.equal((await ask(chief, 'POST', `/${id}/reject`)).json<AccountView>().state, 'rejected')
  t.match((await login(service, person)).json(), { state: 'rejected' })
  t.equal((await ask(chief, 'POST', `/${id}/approve`)).json<AccountView>().state, 'approved')
  t.equal((await login(service, person)).status, 200)
})

t.test('roles are given and taken in the own tenant, and whoever has one is signed out by it', async (t) => {
  const { service, lead, member, stranger, ask } = await offices(t)
  const put = (by: Person, user: string, body: object) => ask(by, 'PUT', `/${user}/roles`, { body })
  const session = await service.signedIn(member)
  const given = await put(lead, member.user, { tenant: 'team-a', role: 'operator' })
  t.same(given.json<AccountView>().tenants, [{ tenant: 'team-a', role: 'operator' }])
  t.ok(subjects(service).includes(`session:${session.session}`))
  const before = subjects(service).length
  t.equal((await put(lead, member.user, { tenant: 'team-a', role: 'operator' })).status, 200)
  t.equal(subjects(service).length, before, 'the same role ends nothing')
  t.equal((await put(lead, member.user, { tenant: 'default', role: 'admin' })).status, 404, 'not their tenant')
  t.equal((await put(lead, stranger.user, { tenant: 'team-a', role: 'viewer' })).status, 404, 'not their account')
  t.equal((await put(lead, member.user, { tenant: 'team-a', role: 'service' })).status, 400)
  t.equal((await put(lead, member.user, { tenant: 'team-a', role: 'root' })).status, 400)
  t.equal((await ask(lead, 'DELETE', `/${member.user}/roles/default`)).status, 404)
  t.equal((await ask(lead, 'DELETE', `/${member.user}/roles/team-a`)).status, 204)
  t.equal((await ask(lead, 'GET', `/${member.user}`)).status, 404, 'no longer one of theirs')
  const give = () => requireGivable({ roles: ['operator'] }, 'admin')
  t.throws(give, { name: 'Problem', message: 'Nobody can give a role above their own' })
})

t.test('administrators of default give roles everywhere, but not in tenants that are not there', async (t) => {
  const { service, chief, stranger, ask } = await offices(t)
  const put = (body: object) => ask(chief, 'PUT', `/${stranger.user}/roles`, { body })
  t.equal((await put({ tenant: 'team-a', role: 'admin' })).status, 200)
  t.equal((await put({ tenant: 'nowhere', role: 'admin' })).status, 404)
  t.equal((await ask(chief, 'DELETE', `/${stranger.user}/roles/default`)).status, 404)
  t.equal(service.accounts.roleIn(stranger.user, asTenant('team-a')), 'admin')
})

t.test('the last administrator of a tenant cannot be demoted, suspended or removed, by nobody', async (t) => {
  const { service, chief, lead, member, ask } = await offices(t)
  const acts = (user: string, tenant: string): [string, string, Asked?][] => [
    ['PUT', `/${user}/roles`, { body: { tenant, role: 'auditor' } }],
    ['DELETE', `/${user}/roles/${tenant}`],
    ['POST', `/${user}/suspend`],
  ]
  for (const by of [lead, chief]) {
    for (const [method, path, asked] of acts(lead.user, 'team-a')) {
      const refused = await ask(by, method, path, asked)
      t.equal(refused.status, 409, `${method} ${path}`)
      t.match(refused.json(), { message: /no administrator/ })
    }
  }
  for (const [method, path, asked] of acts(chief.user, 'default')) {
    t.equal((await ask(chief, method, path, asked)).status, 409)
  }
  t.equal(service.accounts.roleIn(lead.user, asTenant('team-a')), 'admin')
  service.accounts.join(member.user, asTenant('team-a'), 'admin')
  service.accounts.update(member.user, { state: 'suspended' })
  t.equal((await ask(lead, 'POST', `/${lead.user}/suspend`)).status, 409, 'one who is locked out does not count')
  service.accounts.update(member.user, { state: 'approved' })
  t.equal((await ask(lead, 'PUT', `/${lead.user}/roles`, { body: { tenant: 'team-a', role: 'viewer' } })).status, 200)
})

t.test('of two administrators who demote each other at the same time one stays', async (t) => {
  const { service, lead, member, ask } = await offices(t)
  service.accounts.join(member.user, asTenant('team-a'), 'admin')
  const body = { tenant: 'team-a', role: 'viewer' }
  const second: Person = { ...member, role: 'admin' }
  const answers = await Promise.all([
    ask(lead, 'PUT', `/${member.user}/roles`, { body }),
    ask(second, 'PUT', `/${lead.user}/roles`, { body }),
  ])
  t.same(answers.map(({ status }) => status).sort(), [200, 409])
})

t.test('an account that belongs to others, too, is locked only by who looks after all', async (t) => {
  const { service, chief, lead, member, ask } = await offices(t)
  service.accounts.join(member.user, asTenant('default'), 'viewer')
  for (const act of ['suspend', 'password-reset']) {
    t.equal((await ask(lead, 'POST', `/${member.user}/${act}`)).status, 403, act)
  }
  t.equal((await ask(chief, 'POST', `/${member.user}/suspend`)).status, 200)
})

t.test('a change with If-Match is made only to what was read', async (t) => {
  const { lead, member, ask } = await offices(t)
  const { etag = '' } = (await ask(lead, 'GET', `/${member.user}`)).headers
  const headers = { 'if-match': etag }
  const body = { tenant: 'team-a', role: 'operator' }
  t.equal((await ask(lead, 'PUT', `/${member.user}/roles`, { body, headers })).status, 200)
  t.equal((await ask(lead, 'POST', `/${member.user}/suspend`, { headers })).status, 412)
  t.equal((await ask(lead, 'DELETE', `/${member.user}/roles/team-a`, { headers })).status, 412)
})

t.test('without mail an invited person gets their link by hand, once, and it proves no address', async (t) => {
  const { service, lead, ask } = await offices(t)
  const invite = { email: 'Guest@example.com', name: '손님', role: 'operator', password_hash: 'x', state: 'suspended' }
  const made = await ask(lead, 'POST', '', { body: invite, headers: { 'idempotency-key': 'i' } })
  t.equal(made.status, 201)
  t.equal(made.headers['cache-control'], 'no-store')
  const { set_password_url: url, ...view } = made.json<AccountView & { set_password_url: string }>()
  t.match(view, { email: 'guest@example.com', state: 'approved', has_password: false, email_verified: false })
  t.same(view.tenants, [{ tenant: 'team-a', role: 'operator' }])
  const again = await ask(lead, 'POST', '', { body: invite, headers: { 'idempotency-key': 'i' } })
  t.equal(again.text, made.text)
  const stored = service.db.prepare('SELECT CAST(body AS TEXT) AS body FROM idempotency_keys').all()
  const token = new URL(url).searchParams.get('token') as string
  t.notMatch(JSON.stringify(stored), token)
  const body = { token, password: 'some good password' }
  t.equal((await service.call('POST', '/api/auth/password/reset', { body })).status, 204)
  t.equal((await login(service, { email: view.email, password: body.password })).status, 200)
  t.equal(service.accounts.byEmail(view.email)?.email_verified_at, null)
  t.equal((await ask(lead, 'POST', '', { body: { ...invite, email: 'x@example.com', tenant: 'default' } })).status, 404)
  t.equal((await ask(lead, 'POST', '', { body: invite })).status, 409)
  const reset = await ask(lead, 'POST', `/${view.id}/password-reset`)
  t.equal(reset.status, 201)
  t.match(reset.json(), { set_password_url: /\/account\/reset\?token=/, expires_at: /^20.*Z$/ })
})

t.test('with mail an invited person gets a link that proves the address, and nobody else sees it', async (t) => {
  const box = await mailbox(t)
  const { service, chief, ask } = await offices(t, box.env)
  const invite = { email: 'guest@example.com', name: 'G', locale: 'en', tenant: 'team-a' }
  const made = await ask(chief, 'POST', '', { body: invite })
  t.equal(made.status, 201)
  t.notMatch(made.text, 'token')
  const mail = await box.next('guest@example.com')
  t.match(mail, { subject: '[Najimban] You are invited', text: /good for 7 days/ })
  const { id } = made.json<AccountView>()
  t.equal((await ask(chief, 'POST', `/${id}/password-reset`)).status, 202)
  t.equal((await service.call('POST', '/api/auth/password/forgot', { body: { email: invite.email } })).status, 202)
  const first = await box.token(invite.email)
  const second = await box.token(invite.email)
  const reset = (token: string) =>
    service.call('POST', '/api/auth/password/reset', { body: { token, password: 'some good password' } })
  t.equal((await reset(first)).status, 400)
  t.equal((await reset(second)).status, 204)
  t.ok(service.accounts.byEmail(invite.email)?.email_verified_at)
  t.equal((await ask(chief, 'POST', `/${id}/password-reset`)).status, 202)
  t.match((await box.next(invite.email)).subject, 'Reset')
})

t.test('an account on its way out is nobody any more', async (t) => {
  const { service, chief, member, ask } = await offices(t)
  service.accounts.update(member.user, { state: 'deleting' })
  t.equal((await ask(chief, 'GET', `/${member.user}`)).status, 404)
  t.equal((await ask(chief, 'POST', `/${member.user}/reinstate`)).status, 404)
})
