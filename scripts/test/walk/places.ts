import { PERMISSIONS, type PermissionClass, type PermissionName } from '#shared/permissions.ts'
import { permissionsOf } from '#shared/route-permissions.ts'
import { SERVICE_NAMES, type ServiceName } from '#shared/ports.ts'
import { ROUTES } from '../../../gateway/upstreams.ts'

/** One route of a service, and under which paths the gateway shows it. */
export interface Place {
  service: ServiceName
  /** As the permission table names it: `GET /api/calendar/events/:id`. */
  route: string
  method: string
  /** Patterns with the parameters still in them. */
  path: string
  outside: string[]
  permission: PermissionName
  needs: PermissionClass
}

function outsideOf(service: ServiceName, path: string): string[] {
  const rows = ROUTES.filter(({ upstream, path: base }) => {
    return upstream === service && (path === base || path.startsWith(`${base}/`))
  })
  return rows.map(({ prefix, path: base }) => prefix + path.slice(base.length))
}

/** Every route of every service, from the table that the running processes are held to. */
export const PLACES: readonly Place[] = SERVICE_NAMES.flatMap((service) =>
  [...permissionsOf(service)].map(([route, permission]) => {
    const [method, path] = route.split(' ') as [string, string]
    return {
      service,
      route,
      method,
      path,
      outside: outsideOf(service, path),
      permission,
      needs: PERMISSIONS[permission],
    }
  }),
)

/** Where somebody has to be somebody, and the gateway leads. */
export const GUARDED = PLACES.filter(({ permission, outside }) => permission !== 'public' && outside.length > 0)

/** Classes of what belongs to one person; the rest belongs to a tenant or to the whole system. */
const PERSONAL = /^(?:calendar|diary|account)(?:\.|$)/
export const isPersonal = ({ permission }: Place): boolean => PERSONAL.test(permission)

export const isRead = ({ method }: Place): boolean => method === 'GET'
export const hasParameter = ({ path }: Place): boolean => path.includes('/:')

/**
 * A path with the ids of things in it: those that are kept under the part before a parameter, `keys`, or under two,
 * `admin/keys`, where that alone says too little.
 * @throws Error for a parameter that no thing is known for
 */
export function fill(path: string, ids: Readonly<Record<string, string>>): string {
  const parts = path.split('/')
  return parts
    .map((part, at) => {
      if (!part.startsWith(':')) return part
      const [grandparent = '', parent = ''] = parts.slice(at - 2, at)
      const id = ids[`${grandparent}/${parent}`] ?? ids[parent]
      if (id === undefined) throw new Error(`nothing to walk to: no thing for ${part} of ${path}`)
      return encodeURIComponent(id)
    })
    .join('/')
}
