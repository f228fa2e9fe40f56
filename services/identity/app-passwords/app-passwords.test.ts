import t from 'tap'
import type { VerifyAnswer } from '#shared/verified.ts'
import { identity, process, type Identity } from '../test/identity.ts'

interface AppPassword {
  id: string
  name: string
  password: string
}

const PATH = '/api/auth/app-passwords'

const verify = async ({ call }: Identity, username: string, password: string) =>
  (
    await call('POST', '/internal/verify', { as: process, body: { basic: { username, password } } })
  ).json<VerifyAnswer>()

t.test(
  'an app password is shown once and lets a calendar program in, however it is typed, and nothing else',
  async (t) => {
    const service = await identity(t)
    const person = await service.signedUp({ role: 'admin' })
    const made = await service.call('POST', PATH, { as: person, body: { name: '아이폰 📱' } })
    t.equal(made.status, 201)
    t.equal(made.headers['cache-control'], 'no-store')
    const { id, name, password } = made.json<AppPassword>()
    t.equal(name, '아이폰 📱')
    t.match(password, /^[a-z\d]{4}(-[a-z\d]{4}){4,}$/)
    const ways = [password, password.replaceAll('-', ''), password.toUpperCase(), ` ${password.replaceAll('-', ' ')} `]
    for (const typed of ways) {
      t.match(await verify(service, ` ${person.email.toUpperCase()}`, typed), {
        active: true,
        credential: `app-password:${id}`,
        subjects: [`app-password:${id}`, `account:${person.user}`],
        user: person.user,
        role: 'viewer',
        scope: 'caldav',
      })
    }
    t.notOk((await service.call('GET', PATH, { as: person })).text.includes(password))
    const stored = JSON.stringify(service.db.prepare('SELECT * FROM app_passwords').all())
    t.notOk(stored.includes(password) || stored.includes(password.replaceAll('-', '')))
  },
)

t.test("a wrong one, another account's, a revoked one and one of a suspended account are none", async (t) => {
  const service = await identity(t)
  const person = await service.signedUp()
  const other = await service.signedUp()
  const { id, password } = (await service.call('POST', PATH, { as: person, body: { name: 'a' } })).json<AppPassword>()
  const none = { active: false }
  t.same(await verify(service, other.email, password), none)
  t.same(await verify(service, 'nobody@example.com', password), none)
  t.same(await verify(service, person.email, person.password), none, 'the password of the account is none')
  for (const wrong of ['', '-', `${password}a`, password.slice(1), 'x'.repeat(10_000)])
    t.same(await verify(service, person.email, wrong), none)
  t.equal((await service.call('DELETE', `${PATH}/${id}`, { as: other })).status, 404)
  service.accounts.update(person.user, { state: 'suspended' })
  t.same(await verify(service, person.email, password), none)
  service.accounts.update(person.user, { state: 'approved' })
  t.match(await verify(service, person.email, password), { active: true })
  t.equal((await service.call('DELETE', `${PATH}/${id}`, { as: person })).status, 204)
  t.same(await verify(service, person.email, password), none)
  t.ok(service.db.prepare('SELECT subject FROM revocations').pluck().all().includes(`app-password:${id}`))
})

t.test('there is a limit, and only a person who is signed in makes them', async (t) => {
  const service = await identity(t, { APP_PASSWORDS_MAX: '1' })
  const person = await service.signedUp()
  const ask = (as: object, body: object = { name: 'a' }) => service.call('POST', PATH, { as, body })
  t.equal((await ask(person)).status, 201)
  t.match((await ask(person)).json(), { status: 409, detail: /APP_PASSWORDS_MAX/ })
  t.equal((await ask({ ...person, credential: 'key:k' })).status, 403)
  t.equal((await ask({})).status, 401)
  t.equal((await ask(person, { name: '' })).status, 400)
})
