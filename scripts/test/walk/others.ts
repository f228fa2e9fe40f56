import type { Test } from 'tap'
import { ROLES, SYSTEM_TENANT, type Role } from '#shared/permissions.ts'
import type { Person } from './people.ts'
import { GUARDED, isPersonal } from './places.ts'
import { SECRET } from './things.ts'
import { faultsOf, unless, type Walker } from './walk.ts'
import { foreign, isCollector, viewOf, walkAs, type World } from './world.ts'

/** Those whose role is too low. */
export async function lowerRoles(t: Test, world: World): Promise<void> {
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

/** Those to whom nothing of it belongs, whatever they say. */
export async function others(t: Test, world: World): Promise<void> {
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
