import { writeFileSync } from 'node:fs'
import path from 'node:path'
import {
  hasRole,
  PERMISSIONS,
  ROLES,
  SCOPES,
  SERVICE_ROLE,
  SYSTEM_TENANT,
  type PermissionClass,
  type Role,
} from '#shared/permissions.ts'
import { ROUTE_PERMISSIONS } from '#shared/route-permissions.ts'
import { PROCESS_NAMES, type ProcessName } from '#shared/ports.ts'

/** docs/permissions.md is written by `node scripts/permissions-table.ts`; a test fails when it is not what the code says. */
export const PERMISSIONS_FILE = path.join(import.meta.dirname, '..', 'docs', 'permissions.md')

const CLASSES = Object.entries(PERMISSIONS) as [string, PermissionClass][]

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
  row(head) + `|${'---|'.repeat(head.length)}\n` + rows.map(row).join('')

/** Whether a role opens a class; undefined is anybody. */
function isOpenTo({ role: least }: PermissionClass, role: Role | undefined): boolean {
  if (least === SERVICE_ROLE) return false
  return least === undefined || (role !== undefined && hasRole([role], least))
}

function conditions({ role, verified, session, system, audited }: PermissionClass): string {
  const said = [
    role === SERVICE_ROLE && 'only processes of the system',
    session === true && 'only a person who is signed in: no key and no application',
    session !== true && verified === true && 'with a credential in open access, too',
    system === true && `only in the tenant \`${SYSTEM_TENANT}\``,
    audited === true && 'reading is in the audit log, too',
  ]
  return said.filter((one) => one !== false).join('; ')
}

const classRows = CLASSES.map(([name, one]) => [
  `\`${name}\``,
  one.title,
  ...[undefined, ...ROLES].map((role) => (isOpenTo(one, role) ? '✓' : '')),
  one.scope === undefined ? '' : `\`${one.scope}\``,
  conditions(one),
])

const scopeRows = SCOPES.map((scope) => {
  const opened = CLASSES.filter(([, one]) => one.scope === scope)
  return [`\`${scope}\``, opened.map(([, { title }]) => title).join('; ') || 'nothing yet']
})

function routesOf(process: ProcessName): string {
  const rows = CLASSES.flatMap(([name, { title }]) => {
    const routes: readonly string[] = ROUTE_PERMISSIONS[process][name as keyof typeof PERMISSIONS] ?? []
    return routes.map((route) => [`\`${route}\``, title, `\`${name}\``])
  })
  return `### ${process.replace(/^./, (letter) => letter.toUpperCase())}\n\n` + table(['route', 'what', 'class'], rows)
}

const INTRO = `# Who may do what

This page is made from \`shared/route-permissions.ts\`, which every process asks before it answers. A process with a route that is not in
the table does not start.

- Every account has one **role in each of its tenants**, and signs in to one of them. Each role may do what those before it may:
  ${ROLES.join(' < ')}.
- A **scope** limits a credential (an API key, an application's token) to a part of what its account's role allows. It never adds to it.
- A person's calendar, diary and account are their own, **whatever anybody's role**. What belongs to somebody else or to another
  tenant is answered as if it did not exist: 404.
- A key of a tenant acts for no account: it reaches the tenant's reports and administration, and nobody's own things (403).
- Reports belong to the tenant, and everybody who has a role in it sees them.
- Changes and refusals are in the audit log always.
- 401: nobody knows who asks. 403: it is known, and not enough. \`HEAD\` is as \`GET\`.
- With \`ACCESS=open\` everybody is an administrator of the tenant \`${SYSTEM_TENANT}\`, except where a credential is asked for below.
- The collector asks for the tenant's key (\`X-Tenant\` and \`X-Api-Key\`, see \`API_KEYS\`) where no other credential comes, in open access, too.
  Such a key is an administrator's unless it names a role; a role that is none of these counts as operator.
  With \`ACCESS=required\`, what concerns all tenants needs a key that names the role.
`

/** The whole page. */
export function permissionsPage(): string {
  return [
    INTRO,
    `## Classes\n\n${table(['class', 'what', 'anybody', ...ROLES, 'scope', 'besides'], classRows)}`,
    `## Scopes\n\n${table(['scope', 'lets a credential'], scopeRows)}`,
    `## Routes\n\nPaths as the services serve them; [gateway.md](gateway.md) says under which they are reached from outside. What begins with\n` +
      '`/internal` is not reached from there.\n',
    ...PROCESS_NAMES.map(routesOf),
  ].join('\n')
}

if (import.meta.main) writeFileSync(PERMISSIONS_FILE, permissionsPage())
