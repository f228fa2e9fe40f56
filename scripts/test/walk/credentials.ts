import type { Test } from 'tap'
import { until } from '#shared/test/until.ts'
import { GUARDED, isPersonal, type Place } from './places.ts'
import { tokenOfBefore } from './tokens.ts'
import { bearer, faultsOf, unless, type Answer, type Walker } from './walk.ts'
import { walkAs, type World } from './world.ts'

/** Credentials that are good, but not for this. */
export async function limited(t: Test, world: World): Promise<void> {
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

/** Credentials that were good, or will be. */
export async function ended(t: Test, world: World): Promise<void> {
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
