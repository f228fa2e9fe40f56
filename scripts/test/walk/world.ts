import { GUARDED, hasParameter, isPersonal, isRead, type Place } from './places.ts'
import type { System } from '../system.ts'
import type { People } from './people.ts'
import { REQUESTS } from './requests.ts'
import { SECRET, type Things } from './things.ts'
import type { Step } from './trail.ts'
import { unless, type Answer, type Walk, type Walker } from './walk.ts'

/** What the processes of the walked system know. */
export const INTERNAL_SECRET = 'only the processes of this test know it'

/** A running system with people in it and things of theirs. */
export interface World {
  system: System
  people: People
  things: Things
  /** Of everybody who walked. */
  trail: Step[]
  /** Through the gateway. */
  walk: Walk
}

/** What moves by itself: when a thing was used last, and how often a notification was tried. */
const MOVING = /"(?:last_used_at|attempts|nextAt)":(?:"[^"]*"|\d+|null)/g

/** What the owner sees of what is theirs, without what moves by itself. */
export async function viewOf({ people: { owner }, walk }: World): Promise<Map<string, string>> {
  const places = GUARDED.filter((place) => isRead(place) && (isPersonal(place) || hasParameter(place)))
  const view = new Map<string, string>()
  for (const place of places.filter(({ permission }) => permission !== 'account.export')) {
    const { status, text } = await walk(place, owner)
    if (status !== 200) throw new Error(`${place.route}: ${status} ${text}`)
    view.set(place.route, text.replaceAll(MOVING, ''))
  }
  return view
}

/** What nobody else may read: what the owner wrote, and in answers also that it is there. */
export function leak({ things: { ids, entry, tenant } }: World) {
  // Names that people choose are no secrets, and others choose the same.
  const { tenants: _tenants, roles: _roles, schemas: _schemas, ...own } = ids
  const things = [...Object.values(own), entry]
  // Who looked for something finds that in the log of their own tenant.
  const log = [`"tenant":"${tenant}"`, `"tenantId":"${tenant}"`]
  return ({ status, text }: Answer, { permission }: Place): string | undefined => {
    const seen = status >= 300 ? [] : permission === 'audit.read' ? log : things
    const shown = [SECRET, ...seen].find((one) => text.includes(one))
    return shown === undefined ? undefined : `shows ${shown}`
  }
}

/** Whom nothing here belongs to: there is nothing where the owner has something, and lists are their own. */
export function foreign(world: World) {
  const leaked = leak(world)
  return (answer: Answer, place: Place): string | undefined => {
    const { query, others } = REQUESTS[place.route] ?? {}
    const namesThing = hasParameter(place) || (query !== undefined && !isRead(place))
    const status = others ?? (place.needs.system === true ? 403 : namesThing ? 404 : undefined)
    return (
      leaked(answer, place) ??
      (status !== undefined ? unless(status)(answer) : undefined) ??
      (isRead(place) && status === undefined ? unless(200)(answer) : undefined) ??
      (answer.status >= 500 ? 'fails' : undefined)
    )
  }
}

/** It asks for a tenant's key, where no other credential comes, and says which headers are missing. */
export const isCollector = ({ service }: Place): boolean => service === 'collector'

/** Places, and how somebody gets there. */
export const walkAs = (world: World, who: Walker, places: readonly Place[]) =>
  [places, (place: Place) => world.walk(place, who)] as const
