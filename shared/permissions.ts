import type { Caller } from './caller.ts'
import type { ProcessName } from './ports.ts'
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

const ACCOUNT_DATA = [
  'GET /internal/accounts/:account/files',
  'GET /internal/accounts/:account/files/*',
  'DELETE /internal/accounts/:account',
]
const PROBES = ['GET /health', 'GET /health/live', 'GET /health/ready', 'GET /openapi.json']

/** Which class every route belongs to. A process with a route that is missing here does not start. */
export const ROUTE_PERMISSIONS: Record<ProcessName, Partial<Record<PermissionName, readonly string[]>>> = {
  gateway: {
    public: [
      ...PROBES,
      'GET /docs',
      'GET /docs/static/*',
      'GET /docs/json',
      'GET /docs/yaml',
      'GET /docs/static/index.html',
      'GET /docs/static/swagger-initializer.js',
      // What a browser asks before it lets a page of another origin ask.
      'OPTIONS *',
    ],
  },
  calendar: {
    public: PROBES,
    internal: ACCOUNT_DATA,
    'calendar.read': [
      'GET /api/calendar/events',
      'GET /api/calendar/events/:id',
      'GET /api/calendar/events/:eventId/tags',
      'GET /api/calendar/tags',
      'GET /api/calendar/tags/:id',
      'GET /api/calendar/tags/events/:eventId/tags',
      'GET /api/calendar/todos',
      'GET /api/calendar/todos/:dateOrId',
    ],
    'calendar.write': [
      'POST /api/calendar/events',
      'PUT /api/calendar/events/:id',
      'PATCH /api/calendar/events/:id',
      'DELETE /api/calendar/events/:id',
      'POST /api/calendar/events/:eventId/tags',
      'DELETE /api/calendar/events/:eventId/tags/:tagId',
      'POST /api/calendar/tags',
      'PUT /api/calendar/tags/:id',
      'PATCH /api/calendar/tags/:id',
      'DELETE /api/calendar/tags/:id',
      'POST /api/calendar/tags/events/:eventId/tags',
      'DELETE /api/calendar/tags/events/:eventId/tags/:tagId',
      'POST /api/calendar/todos',
      'PUT /api/calendar/todos/:id',
      'PATCH /api/calendar/todos/:id',
      'DELETE /api/calendar/todos/:id',
      'PATCH /api/calendar/todos/:id/toggle',
    ],
  },
  diary: {
    public: PROBES,
    internal: ACCOUNT_DATA,
    'diary.read': [
      'GET /api/diaries',
      'GET /api/diaries/search',
      'GET /api/diaries/:key',
      'GET /api/diaries/images/:id',
    ],
    'diary.write': [
      'POST /api/diaries',
      'PUT /api/diaries',
      'PATCH /api/diaries',
      'DELETE /api/diaries',
      'PUT /api/diaries/:id',
      'PATCH /api/diaries/:id',
      'DELETE /api/diaries/:id',
      'POST /api/diaries/:id/images',
      'DELETE /api/diaries/:id/images/:imageId',
    ],
  },
  collector: {
    // The token in the link of a bundle is the permission.
    public: [...PROBES, 'GET /metrics', 'GET /reports/:id/bundle.zip'],
    ingest: ['POST /ingest/qc', 'POST /ingest/qc/batch'],
    'reports.read': [
      'GET /reports',
      'GET /reports/:id',
      'GET /timeline',
      'GET /schemas',
      'GET /schemas/:name',
      'GET /findings',
      'GET /findings/:fingerprint',
    ],
    'reports.export': ['GET /reports/:id/bundle-meta', 'GET /reports/:id/sign-history'],
    'reports.write': [
      'POST /reports/:id/sign',
      'POST /reports/replay',
      'PUT /findings/:fingerprint/mute',
      'DELETE /findings/:fingerprint/mute',
    ],
    'tenant.admin': ['DELETE /reports/:id', 'POST /admin/retention/run', 'PUT /schemas/:name'],
    'audit.read': ['GET /admin/audit/logs'],
  },
  identity: {
    public: [
      ...PROBES,
      // Making an account, and the pages that links in mails lead to.
      'POST /api/auth/signup',
      'POST /api/auth/verify-email',
      'POST /api/auth/verify-email/send',
      'POST /api/auth/password/forgot',
      'POST /api/auth/password/reset',
      'GET /account/verify',
      'POST /account/verify',
      'GET /account/reset',
      'POST /account/reset',
      'GET /.well-known/jwks.json',
      'POST /api/auth/setup',
      'POST /api/auth/login',
      'POST /api/auth/login/code',
      // The refresh token says who asks; an access token may be over already.
      'POST /api/auth/refresh',
      'POST /api/auth/logout',
      'GET /.well-known/openid-configuration',
      'GET /.well-known/oauth-authorization-server',
      'POST /api/auth/passkeys/login/options',
      'POST /api/auth/passkeys/login',
      // The protocol says who asks: a code, a secret, a token, or the provider's own cookies.
      'GET /oauth/auth',
      'GET /oauth/auth/:uid',
      'POST /oauth/par',
      'POST /oauth/token',
      'POST /oauth/introspection',
      'POST /oauth/revocation',
      'GET /oauth/userinfo',
      'POST /oauth/userinfo',
      'POST /oauth/device/auth',
      'GET /oauth/device',
      'POST /oauth/device',
      'GET /oauth/device/:uid',
      'GET /oauth/session/end',
      'POST /oauth/session/end/confirm',
      'GET /oauth/session/end/success',
      'GET /oauth/interaction/:uid',
      'POST /oauth/interaction/:uid',
    ],
    account: [
      'GET /api/auth/me',
      'GET /api/auth/grants',
      'GET /api/auth/keys',
      'GET /api/auth/keys/:id',
      'GET /api/auth/app-passwords',
      'GET /api/auth/sessions',
      'GET /api/auth/second-factors',
      'GET /api/auth/passkeys',
    ],
    'account.change': [
      'PATCH /api/auth/me',
      'PUT /api/auth/me/email',
      'PUT /api/auth/password',
      'POST /api/auth/totp',
      'POST /api/auth/totp/confirm',
      'DELETE /api/auth/totp',
      'POST /api/auth/recovery-codes',
      'POST /api/auth/passkeys/options',
      'POST /api/auth/passkeys',
      'PATCH /api/auth/passkeys/:id',
      'DELETE /api/auth/passkeys/:id',
      'DELETE /api/auth/grants/:id',
      'POST /api/auth/keys',
      'PATCH /api/auth/keys/:id',
      'POST /api/auth/keys/:id/rotate',
      'DELETE /api/auth/keys/:id',
      'POST /api/auth/app-passwords',
      'DELETE /api/auth/app-passwords/:id',
      'DELETE /api/auth/me',
      'DELETE /api/auth/sessions',
      'DELETE /api/auth/sessions/:id',
    ],
    'account.export': ['GET /api/auth/me/export'],
    'identity.admin': [
      'GET /api/admin/accounts',
      'POST /api/admin/accounts',
      'GET /api/admin/accounts/:id',
      'POST /api/admin/accounts/:id/approve',
      'POST /api/admin/accounts/:id/reject',
      'POST /api/admin/accounts/:id/suspend',
      'POST /api/admin/accounts/:id/reinstate',
      'PUT /api/admin/accounts/:id/roles',
      'DELETE /api/admin/accounts/:id/roles/:tenant',
      'POST /api/admin/accounts/:id/password-reset',
      'GET /api/admin/tenants',
      'POST /api/admin/tenants',
      'DELETE /api/admin/tenants/:id',
      'DELETE /api/admin/accounts/:id/second-factors',
      'DELETE /api/admin/accounts/:id/sessions',
      'GET /api/admin/keys',
      'GET /api/admin/keys/:id',
      'POST /api/admin/keys',
      'PATCH /api/admin/keys/:id',
      'POST /api/admin/keys/:id/rotate',
      'DELETE /api/admin/keys/:id',
      'GET /api/admin/clients',
      'POST /api/admin/clients',
      'GET /api/admin/clients/:id',
      'PATCH /api/admin/clients/:id',
      'DELETE /api/admin/clients/:id',
      'POST /api/admin/clients/:id/secret',
    ],
    'system.admin': [
      'DELETE /api/admin/accounts/:id',
      'GET /api/admin/signing-keys',
      'POST /api/admin/signing-keys/rotate',
      'GET /api/admin/encryption',
      'POST /api/admin/encryption/rotate',
    ],
    'audit.read': ['GET /api/audit', 'GET /api/audit/export'],
    internal: ['POST /internal/audit', 'POST /internal/verify', 'GET /internal/revocations'],
  },
}

/** `GET /path` of a route, as ROUTE_PERMISSIONS names it: HEAD is GET, and a last slash says nothing. */
export const routeName = (method: string, url: string): string =>
  `${method === 'HEAD' ? 'GET' : method} ${url.replace(/(?<=.)\/$/, '')}`

/** The class of every route of one process, by its name. */
export function permissionsOf(process: ProcessName): Map<string, PermissionName> {
  const classes = Object.entries(ROUTE_PERMISSIONS[process]) as [PermissionName, readonly string[]][]
  return new Map(classes.flatMap(([name, routes]) => routes.map((route) => [route, name] as const)))
}

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
