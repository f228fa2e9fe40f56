import t, { type Test } from 'tap'
import { until } from '#shared/test/until.ts'
import { startSystem } from './test/system.ts'
import { ended, limited } from './test/walk/credentials.ts'
import { lowerRoles, others } from './test/walk/others.ts'
import { inside, withoutCredential } from './test/walk/outsiders.ts'
import { makePeople, ORIGIN } from './test/walk/people.ts'
import { GUARDED, PLACES, type Place } from './test/walk/places.ts'
import { REQUESTS } from './test/walk/requests.ts'
import { makeThings } from './test/walk/things.ts'
import { isOfInterest, rowsOf, type Step } from './test/walk/trail.ts'
import { bearer, createWalk, faultsOf } from './test/walk/walk.ts'
import { INTERNAL_SECRET, walkAs, type World } from './test/walk/world.ts'

t.setTimeout(120_000)

const ROWS_MS = 5000
const MANY = '1000000'
const ENV = {
  ACCESS: 'required',
  PUBLIC_URL: ORIGIN,
  INTERNAL_SECRET,
  API_KEYS: 'default:collector-key,elsewhere:elsewhere-key:admin,default:reader-key:viewer',
  RATE_LIMIT_GENERAL: MANY,
  RATE_LIMIT_WRITE: MANY,
  RATE_LIMIT_UPLOAD: MANY,
  RATE_LIMIT_LOGIN: MANY,
  RATE_LIMIT_INGEST: MANY,
  RATE_LIMIT_VERIFY: MANY,
  ALERT_INTERVAL_S: '0.2',
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

async function audited(t: Test, { trail, people }: World): Promise<void> {
  const expected = trail.filter(isOfInterest)
  t.ok(expected.length > 500, `${expected.length} refusals and changes`)
  const faults = async () => {
    const counts = await rowsOf(people.gateway, [people.owner, people.stranger])
    const wrong = expected.filter(({ id }) => counts.get(id) !== 1)
    return wrong.map(({ id, place, status }) => `${place.route}: ${status}, ${counts.get(id) ?? 0} rows`)
  }
  let last = await faults()
  // Rows come in batches; what is missing after a while does not come.
  await until('the last rows', async () => (last = await faults()).length === 0, ROWS_MS).catch(() => undefined)
  t.same(last, [])
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
  const trail: Step[] = []
  const world = { system, people, things, trail, walk: createWalk(system.gateway, things, trail) }
  await t.test('nobody is let in without a credential', (t) => withoutCredential(t, world))
  await t.test('what processes ask one another is not there for people', (t) => inside(t, world))
  await t.test('a role that is too low is refused', (t) => lowerRoles(t, world))
  await t.test("others find nothing of the owner's, and change nothing", (t) => others(t, world))
  await t.test('a credential opens no more than it was given', (t) => limited(t, world))
  await t.test('what has expired or was ended opens nothing', (t) => ended(t, world))
  await t.test('the owner is let in everywhere', (t) => owners(t, world))
  await t.test('every refusal and every change is in the audit log, once', (t) => audited(t, world))
})
