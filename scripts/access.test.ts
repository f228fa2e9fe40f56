import t, { type Test } from 'tap'
import { ASSERTION_HEADER, ASSERTION_TTL_S, signAssertion } from '#shared/assertion.ts'
import { ROLES, SYSTEM_TENANT, type Role } from '#shared/permissions.ts'
import { SERVICE_NAMES } from '#shared/ports.ts'
import { until } from '#shared/test/until.ts'
import { startSystem } from './test/system.ts'
import { makePeople, type Person } from './test/walk/people.ts'
import { GUARDED, isPersonal, isRead, PLACES, type Place } from './test/walk/places.ts'
import { REQUESTS } from './test/walk/requests.ts'
import { makeThings, SECRET } from './test/walk/things.ts'
import { tokenOfBefore } from './test/walk/tokens.ts'
import { createWalk, faultsOf, unless, type Answer, type Walker } from './test/walk/walk.ts'
import { foreign, leak, viewOf, type World } from './test/walk/world.ts'

t.setTimeout(120_000)

const MANY = '1000000'
const INTERNAL_SECRET = 'only the processes of this test know it'
const ENV = {
  ACCESS: 'required',
  INTERNAL_SECRET,
  API_KEYS: 'default:collector-key,elsewhere:elsewhere-key:admin,default:reader-key:viewer',
  RATE_LIMIT_GENERAL: MANY,
  RATE_LIMIT_WRITE: MANY,
  RATE_LIMIT_UPLOAD: MANY,
  RATE_LIMIT_LOGIN: MANY,
  RATE_LIMIT_INGEST: MANY,
  RATE_LIMIT_VERIFY: MANY,
}
const NOBODY: Walker = { name: 'nobody', headers: {} }
const bearer = (token: string): Walker => ({ name: 'bearer', headers: { authorization: `Bearer ${token}` } })
/** A service that asks for a tenant's key says which headers are missing. */
const isCollector = ({ service }: Place) => service === 'collector'

const walkAs = (world: World, who: Walker, places: readonly Place[]) =>
  [places, (place: Place) => world.walk(place, who)] as const

async function withoutCredential(t: Test, world: World): Promise<void> {
  const { system, things, walk } = world
  const missing = faultsOf(
    GUARDED.flatMap((place) => place.outside.map((path) => ({ ...place, outside: [path] }))),
    (place) => walk(place, NOBODY),
    (answer, place) =>
      unless(401, isCollector(place) ? /Missing X-Tenant and X-Api-Key/ : undefined)(answer) ??
      (answer.headers.has('www-authenticate') ? undefined : 'does not say how to sign in'),
  )
  t.same(await missing, [], 'at the gateway')
  const heads = GUARDED.filter(isRead).map((place) => ({ ...place, method: 'HEAD' }))
  t.same(await faultsOf(...walkAs(world, NOBODY, heads), unless(401)), [], 'a HEAD is a GET')
  const open = PLACES.filter(({ permission, outside }) => permission === 'public' && outside.length > 0)
  const leaked = leak(world)
  const shown = (answer: Answer, place: Place) => (answer.status >= 500 ? 'fails' : leaked(answer, place))
  t.same(await faultsOf(...walkAs(world, NOBODY, open), shown), [], 'what is for anybody shows nothing')
  for (const name of SERVICE_NAMES) {
    const places = PLACES.filter(({ service, permission }) => service === name && permission !== 'public')
    const direct = createWalk(system[name], things)
    const tries: Record<string, string>[] = [
      {},
      { 'x-user-id': 'owner', 'x-tenant': SYSTEM_TENANT, 'x-api-key': 'collector-key' },
      { [ASSERTION_HEADER]: 'e30.e30.e30' },
    ]
    for (const headers of tries) {
      const faults = await faultsOf(places, (place) => direct(place, { name, headers }, place.path), unless(401))
      t.same(faults, [], `past the gateway, to ${name}`)
    }
  }
}

async function inside(t: Test, { system, things, people, walk }: World): Promise<void> {
  const hidden = PLACES.filter(({ outside }) => outside.length === 0)
  const own = ['GET /health', 'GET /health/live', 'GET /health/ready', 'GET /openapi.json']
  const notOwn = hidden.filter(({ route }) => !own.includes(route))
  t.ok(notOwn.length > 5)
  t.same(
    await faultsOf(notOwn, (place) => walk(place, people.owner, place.path), unless(404)),
    [],
    'not through the gateway',
  )
  const internal = PLACES.filter(({ permission }) => permission === 'internal')
  t.same(
    internal.filter(({ outside }) => outside.length > 0),
    [],
  )
  const assertion = (aud: string, age = 0) =>
    signAssertion(INTERNAL_SECRET, {
      aud,
      exp: Math.floor(Date.now() / 1000) + ASSERTION_TTL_S - age,
      sub: people.owner.id,
      tenant: SYSTEM_TENANT,
      roles: ['admin'],
      cred: 'session:x',
      rid: 'test',
      ip: '127.0.0.1',
    })
  for (const name of SERVICE_NAMES) {
    const direct = createWalk(system[name], things)
    const places = internal.filter(({ service }) => service === name)
    const go = (headers: Record<string, string>) => (place: Place) => direct(place, { name, headers }, place.path)
    t.same(await faultsOf(places, go(people.owner.headers), unless(401)), [], 'a token is nothing to a service')
    const admin = { [ASSERTION_HEADER]: assertion(name) }
    t.same(await faultsOf(places, go(admin), unless(403)), [], 'an administrator is no process')
    const guarded = PLACES.filter(({ service, permission }) => service === name && permission !== 'public')
    for (const stolen of [assertion(name === 'diary' ? 'calendar' : 'diary'), assertion(name, ASSERTION_TTL_S + 5)]) {
      const headers = { [ASSERTION_HEADER]: stolen }
      t.same(await faultsOf(guarded, go(headers), unless(401)), [], 'an assertion for another one, or of before')
    }
  }
}

async function lowerRoles(t: Test, world: World): Promise<void> {
  const { viewer, operator, auditor } = world.people
  for (const [person, role] of [
    [viewer, 'viewer'],
    [operator, 'operator'],
    [auditor, 'auditor'],
  ] as [Person, Role][]) {
    const beyond = GUARDED.filter(({ needs }) => ROLES.indexOf(needs.role as Role) > ROLES.indexOf(role))
    t.ok(beyond.length > 0, `${beyond.length} routes are not for the ${role}`)
    t.same(await faultsOf(...walkAs(world, person, beyond), unless(403, /needs the role/)), [], role)
  }
  const headers = { 'x-tenant': SYSTEM_TENANT, 'x-api-key': 'reader-key' }
  const beyond = GUARDED.filter((place) => isCollector(place) && place.needs.role !== 'viewer')
  t.same(
    await faultsOf(...walkAs(world, { name: 'key', headers }, beyond), unless(403)),
    [],
    'a key of the role viewer',
  )
}

async function others(t: Test, world: World): Promise<void> {
  const { owner, viewer, stranger } = world.people
  /** What a service would believe, if the gateway let it through. */
  const pretending = ({ name, headers }: Person, more: Record<string, string> = {}): Walker => ({
    name,
    headers: { ...headers, 'x-user-id': owner.id, 'x-forwarded-user': owner.email, ...more },
  })
  const before = await viewOf(world)
  t.ok([...before.values()].filter((text) => text.includes(SECRET)).length > 10, 'the owner sees what is theirs')
  const personal = GUARDED.filter(isPersonal)
  t.same(await faultsOf(...walkAs(world, pretending(viewer), personal), foreign(world)), [], 'another user')
  t.same(await faultsOf(...walkAs(world, pretending(stranger), GUARDED), foreign(world)), [], 'another tenant')
  const headers = { 'x-tenant': 'elsewhere', 'x-api-key': 'elsewhere-key' }
  const reports = GUARDED.filter(isCollector)
  const inTheirName = pretending(stranger, { 'x-tenant': SYSTEM_TENANT })
  t.same(await faultsOf(...walkAs(world, inTheirName, reports), unless(403)), [], 'in the name of a tenant')
  t.same(
    await faultsOf(...walkAs(world, { name: 'key', headers }, reports), foreign(world)),
    [],
    "another tenant's key",
  )
  await inBodies(t, world)
  t.same(await viewOf(world), before, 'and everything is as it was')
}

/** Ids of somebody else's things are as unknown in a body as they are in a path. */
async function inBodies(t: Test, { people: { viewer }, things: { ids } }: World): Promise<void> {
  const times = { start_time: '2026-11-21T10:00', end_time: '2026-11-21T11:00' }
  const { data } = await viewer.make<{ data: { id: string } }>('/api/events', { title: '산책', ...times })
  await t.rejects(viewer.make(`/api/events/${data.id}/tags`, { tagIds: [ids.tags] }), { message: /answers 400/ })
  const entry = { date: '2020-02-03', content: '비', images: [`/api/diaries/images/${ids.images}`] }
  await t.rejects(viewer.make('/api/diaries', entry), { message: /answers 400/ })
}

async function limited(t: Test, world: World): Promise<void> {
  const { key, calendarKey, diaryKey, tenantKey, application, appPassword } = world.things.credentials
  const walk = (who: Walker, places: Place[], status: number, text?: RegExp) =>
    faultsOf(...walkAs(world, who, places), unless(status, text))

  const scoped = GUARDED.filter(({ needs }) => needs.scope !== undefined)
  const scope = (place: Place) => (place.needs.scope === 'calendar:read' ? 'diary:read' : 'calendar:read')
  for (const [given, keys] of [
    [
      'calendar:read',
      [bearer(calendarKey), { name: 'key', headers: { 'x-api-key': calendarKey } }, bearer(application)],
    ],
    ['diary:read', [bearer(diaryKey)]],
  ] as const) {
    const places = scoped.filter((place) => scope(place) === given)
    const insufficient = (answer: Answer, { needs }: Place) =>
      unless(403, /needs the scope/)(answer) ??
      (answer.headers.get('www-authenticate') === `Bearer error="insufficient_scope", scope="${needs.scope}"`
        ? undefined
        : 'does not say which scope')
    for (const who of keys) t.same(await faultsOf(...walkAs(world, who, places), insufficient), [], `only ${given}`)
  }

  const sessions = GUARDED.filter(({ needs }) => needs.session === true)
  t.ok(sessions.length > 10)
  for (const one of [key, application]) t.same(await walk(bearer(one), sessions, 403, /signed in/), [], 'no person')
  const personal = GUARDED.filter(isPersonal)
  t.same(await walk(bearer(tenantKey), personal, 403), [], "a tenant's key is nobody, who has no calendar")

  const pair = Buffer.from(`${world.people.owner.email}:${appPassword}`).toString('base64')
  const basic = { name: 'phone', headers: { authorization: `Basic ${pair}` } }
  const dav = `${world.system.gateway}/api/calendar/dav/nothing`
  t.equal((await fetch(dav)).status, 401)
  t.not((await fetch(dav, basic)).status, 401, 'an app password is good for calendars')
  t.same(await walk(basic, GUARDED, 401), [], 'and for nothing else')
  t.same(await walk(bearer(appPassword), GUARDED, 401), [], 'in no other way')
}

async function ended(t: Test, world: World): Promise<void> {
  const { system, people } = world
  const { owner, leaving } = people
  const one = GUARDED.find(({ route }) => route === 'GET /api/auth/me') as Place
  const again = bearer(await tokenOfBefore(system, owner.token, 0))
  t.equal((await world.walk(one, again)).status, 200, 'a token like this is good')
  const old = bearer(await tokenOfBefore(system, owner.token, 3600))
  t.same(await faultsOf(...walkAs(world, old, GUARDED), unless(401)), [], 'expired')
  const early = bearer(await tokenOfBefore(system, owner.token, -3600))
  t.same(await faultsOf(...walkAs(world, early, GUARDED), unless(401)), [], 'not yet valid')
  t.equal((await world.walk(one, leaving)).status, 200)
  await leaving.make('/api/auth/logout', {})
  await until('the end of the session', async () => (await world.walk(one, leaving)).status === 401)
  t.same(await faultsOf(...walkAs(world, leaving, GUARDED), unless(401)), [], 'a session that is over')
  const key = bearer(world.things.credentials.key)
  const [, id] = world.things.credentials.key.split('_')
  t.equal((await world.walk(one, key)).status, 200)
  await owner.make(`/api/auth/keys/${id}`, undefined, 'DELETE')
  await until('the end of the key', async () => (await world.walk(one, key)).status === 401)
  t.same(await faultsOf(...walkAs(world, key, GUARDED), unless(401)), [], 'a key that is revoked')
}

/** The owner is let in everywhere: so the refusals of the others are not those of wrong paths and bodies. */
async function owners(t: Test, world: World): Promise<void> {
  const order = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']
  /** What is inside something goes before it. */
  const depth = ({ method, path }: Place) => (method === 'DELETE' ? path.split('/').length : 0)
  const isLast = ({ route }: Place) => Number(REQUESTS[route]?.last ?? false)
  const places = GUARDED.toSorted(
    (a, b) => isLast(a) - isLast(b) || order.indexOf(a.method) - order.indexOf(b.method) || depth(b) - depth(a),
  )
  const faults = await faultsOf(...walkAs(world, world.people.owner, places), ({ status }, { route }) => {
    const { answers } = REQUESTS[route] ?? {}
    const isRight = answers === undefined ? status < 300 : answers.includes(status)
    return isRight ? undefined : `the owner expects ${answers?.join(' or ') ?? 'success'} (see REQUESTS)`
  })
  t.same(faults, [])
  const application = bearer(world.things.credentials.application)
  const events = GUARDED.find(({ route }) => route === 'GET /api/calendar/events') as Place
  await until('the end of what was allowed', async () => (await world.walk(events, application)).status === 401)
}

t.test('every route of the running system, as everybody', async (t) => {
  t.same(
    Object.keys(REQUESTS).filter((route) => !PLACES.some((place) => place.route === route)),
    [],
    'stale',
  )
  const system = await startSystem(t, ENV)
  const people = await makePeople(system)
  const things = await makeThings(people)
  const world = { system, people, things, walk: createWalk(system.gateway, things) }
  await t.test('nobody is let in without a credential', (t) => withoutCredential(t, world))
  await t.test('what processes ask one another is not there for people', (t) => inside(t, world))
  await t.test('a role that is too low is refused', (t) => lowerRoles(t, world))
  await t.test("others find nothing of the owner's, and change nothing", (t) => others(t, world))
  await t.test('a credential opens no more than it was given', (t) => limited(t, world))
  await t.test('what has expired or was ended opens nothing', (t) => ended(t, world))
  await t.test('the owner is let in everywhere', (t) => owners(t, world))
})
