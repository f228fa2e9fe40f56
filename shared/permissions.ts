import type { Caller } from './caller.ts'
import { Problem } from './problem.ts'

/** Roles in a tenant, each with everything that those before it may do. */
export const ROLES = ['viewer', 'operator', 'auditor', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** The tenant whose administrators run the system. */
export const SYSTEM_TENANT = 'default'

/** The role of a process that calls another; nobody else can have it. */
export const SERVICE_ROLE = 'service'

/** What a credential may be limited to (RFC 6749 3.3). */
export const SCOPES = [
  'account',
  'calendar:read',
  'calendar:write',
  'caldav',
  'diary:read',
  'diary:write',
  'reports:read',
  'reports:write',
  'ingest',
  'audit:read',
  'admin',
] as const
export type Scope = (typeof SCOPES)[number]

export interface PermissionClass {
  /** What it is, for the documents. */
  title: string
  /** The least role; without one, anybody may. */
  role?: Role | typeof SERVICE_ROLE
  scope?: Scope
  /** Also open access needs a verified credential here. */
  verified?: boolean
  /** Only in the tenant of the system itself. */
  system?: boolean
  /** Only a person who signed in, with no key and no application between. */
  session?: boolean
  /** Reads of this class are in the audit log, too; changes and refusals are there always. */
  audited?: boolean
}

/** The classes of routes: who may use them. A person's calendar and diary are their own, whatever their role. */
export const PERMISSIONS = {
  public: { title: 'for anybody' },
  'calendar.read': { title: 'read the own calendar', role: 'viewer', scope: 'calendar:read' },
  'calendar.write': { title: 'change the own calendar', role: 'viewer', scope: 'calendar:write' },
  'diary.read': { title: 'read the own diary', role: 'viewer', scope: 'diary:read' },
  'diary.write': { title: 'change the own diary', role: 'viewer', scope: 'diary:write' },
  'reports.read': { title: 'read reports of the tenant', role: 'viewer', scope: 'reports:read' },
  'reports.write': { title: 'sign reports of the tenant', role: 'operator', scope: 'reports:write' },
  'reports.export': { title: 'export reports of the tenant', role: 'viewer', scope: 'reports:read', audited: true },
  ingest: { title: 'send reports to the tenant', role: 'operator', scope: 'ingest' },
  'audit.read': { title: 'read the audit log', role: 'auditor', scope: 'audit:read', audited: true },
  'tenant.admin': { title: 'delete reports of the tenant', role: 'admin', scope: 'admin' },
  account: { title: 'see the own account', role: 'viewer', scope: 'account', verified: true },
  'account.change': {
    title: 'change the own account and its credentials',
    role: 'viewer',
    verified: true,
    session: true,
  },
  'account.export': { title: 'export the own data', role: 'viewer', verified: true, session: true, audited: true },
  'identity.admin': { title: 'manage accounts, keys and clients', role: 'admin', scope: 'admin', verified: true },
  'system.admin': {
    title: 'manage what concerns all tenants: encryption, signing keys, whole accounts',
    role: 'admin',
    scope: 'admin',
    verified: true,
    system: true,
  },
  internal: { title: 'between processes only', role: SERVICE_ROLE },
} as const satisfies Record<string, PermissionClass>

export type PermissionName = keyof typeof PERMISSIONS

/** Whether one of these roles is at least the named one. */
export function hasRole(roles: readonly string[], least: Role): boolean {
  const rank = ROLES.indexOf(least)
  return roles.some((role) => ROLES.indexOf(role as Role) >= rank)
}

/** Every scope that some route asks of this role, separated by spaces. */
export function scopesOf(role: Role): string {
  const classes: PermissionClass[] = Object.values(PERMISSIONS)
  const reached = classes.filter(
    ({ role: least }) => least !== undefined && least !== SERVICE_ROLE && hasRole([role], least),
  )
  return SCOPES.filter((scope) => reached.some((one) => one.scope === scope)).join(' ')
}

const refuse = (detail: string, challenge?: string) =>
  new Problem('forbidden', {
    detail,
    ...(challenge === undefined ? {} : { headers: { 'www-authenticate': challenge } }),
  })

/** Whether a caller may use routes of this class. */
export function isAllowed(caller: Caller, name: PermissionName): boolean {
  try {
    authorize(caller, name)
    return true
  } catch {
    return false
  }
}

/**
 * Lets a caller use a route of this class, or throws. Unknown routes are for nobody.
 * @throws Problem unauthenticated (401) for one who has not said who they are, forbidden (403) for one who may not
 */
export function authorize(caller: Caller, name: PermissionName | undefined): void {
  if (name === 'public') return
  if (name === undefined) throw refuse('Nobody may use this')
  const { role, scope, verified, session, system }: PermissionClass = PERMISSIONS[name]
  if (role === SERVICE_ROLE) {
    if (!caller.roles.includes(SERVICE_ROLE)) throw refuse('This is between processes only')
    return
  }
  if (caller.credential === undefined && (verified === true || caller.roles.length === 0)) {
    throw new Problem('unauthenticated', { detail: 'Sign in to use this', headers: { 'www-authenticate': 'Bearer' } })
  }
  if (role !== undefined && !hasRole(caller.roles, role)) throw refuse(`This needs the role ${role}`)
  if (system === true && caller.tenant !== SYSTEM_TENANT) throw refuse(`This needs the tenant ${SYSTEM_TENANT}`)
  if (scope !== undefined && caller.scope !== undefined && !caller.scope.split(' ').includes(scope)) {
    throw refuse(`This needs the scope ${scope}`, `Bearer error="insufficient_scope", scope="${scope}"`)
  }
  if (session === true && caller.credential?.startsWith('session:') !== true) {
    throw refuse('Only a person who is signed in may do this')
  }
}
