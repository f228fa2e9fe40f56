import type { Test } from 'tap'
import { ASSERTION_HEADER, ASSERTION_TTL_S, signAssertion } from '#shared/assertion.ts'
import { SYSTEM_TENANT } from '#shared/permissions.ts'
import { SERVICE_NAMES } from '#shared/ports.ts'
import { GUARDED, isRead, PLACES, type Place } from './places.ts'
import { createWalk, faultsOf, unless, type Answer, type Walker } from './walk.ts'
import { INTERNAL_SECRET, isCollector, leak, walkAs, type World } from './world.ts'

const NOBODY: Walker = { name: 'nobody', headers: {} }

/** Who has no credential, at the gateway and past it. */
export async function withoutCredential(t: Test, world: World): Promise<void> {
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
    const direct = createWalk(system[name], things, world.trail)
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

/** What processes ask one another, for people who try it; and assertions that somebody has taken from the wire. */
export async function inside(t: Test, world: World): Promise<void> {
  const { system, things, people, walk } = world
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
    const direct = createWalk(system[name], things, world.trail)
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
