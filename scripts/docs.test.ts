import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { PERMISSIONS } from '#shared/permissions.ts'
import { permissionsOf } from '#shared/route-permissions.ts'
import { ADMIN_PORT_OFFSET, PORTS, PROCESS_NAMES } from '#shared/ports.ts'
import { LIMIT_CLASSES } from '../gateway/limits/classes.ts'
import { ROUTES } from '../gateway/upstreams.ts'
import { permissionsPage, PERMISSIONS_FILE } from './permissions-table.ts'
import { settingRow, settingsByProcess, settingsPage, SETTINGS_FILE } from './settings-table.ts'

const ROOT = path.join(import.meta.dirname, '..')
const read = (file: string) => readFileSync(path.join(ROOT, file), 'utf8')

t.test('PORTS.md says what shared/ports.ts says', async (t) => {
  const page = read('PORTS.md')
  for (const [name, port] of Object.entries(PORTS)) {
    t.match(page, `| ${name} | ${port} | ${port + ADMIN_PORT_OFFSET} | \`${name.toUpperCase()}_PORT\` |`)
  }
})

t.test('docs/settings.md is what the code says', async (t) => {
  t.equal(readFileSync(SETTINGS_FILE, 'utf8'), settingsPage(), 'run: node scripts/settings-table.ts')
})

t.test('docs/permissions.md is what the code says, and names every route', async (t) => {
  const page = readFileSync(PERMISSIONS_FILE, 'utf8')
  t.equal(page, permissionsPage(), 'run: node scripts/permissions-table.ts')
  for (const process of PROCESS_NAMES) {
    for (const [route, name] of permissionsOf(process)) t.match(page, `| \`${route}\` | ${PERMISSIONS[name].title} |`)
  }
})

t.test("every row of the README's settings table is a setting with that default and meaning", async (t) => {
  const known = new Map([...settingsByProcess().values()].flatMap((settings) => [...settings]))
  const table = read('README.md').split('<!-- settings -->')[1]?.split('<!-- /settings -->')[0] ?? ''
  const rows = [...table.matchAll(/^\| `(\w+)` .*$/gm)]
  t.ok(rows.length >= 10)
  for (const [row, name] of rows) {
    const schema = known.get(name as string)
    t.ok(schema, `${name} exists`)
    if (schema !== undefined) t.equal(row, settingRow(name as string, schema))
  }
})

t.test('every setting has a description', async (t) => {
  for (const settings of settingsByProcess().values()) {
    for (const [name, schema] of settings) t.match(settingRow(name, schema), /\| [^|]{8,} \|$/, name)
  }
})

t.test('docs/gateway.md names every route and every limit class', async (t) => {
  const page = read('docs/gateway.md')
  for (const { prefix } of ROUTES) t.ok(page.includes(prefix.replace(/^\/api\/collector/, '')), prefix)
  for (const [name, { setting }] of Object.entries(LIMIT_CLASSES))
    t.match(page, new RegExp(`\\| ${name} \\|.*${setting}`))
})

t.test('every dependency is explained', async (t) => {
  const page = read('docs/dependencies.md')
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  for (const name of Object.keys(dependencies ?? {})) t.ok(page.includes(name), name)
  for (const name of Object.keys(devDependencies ?? {}))
    t.ok(name.startsWith('@types/') || page.includes(name.split('/')[0] as string), name)
})

/** Pages whose links are followed. */
const PAGES = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  'PORTS.md',
  'SECURITY.md',
  'docs/decisions.md',
  'docs/gateway.md',
  'docs/identity.md',
  'docs/operations.md',
  'docs/security.md',
  'services/identity/README.md',
]

t.test('links between the pages lead somewhere', async (t) => {
  for (const page of PAGES) {
    for (const [, link] of read(page).matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
      t.ok(existsSync(path.join(ROOT, path.dirname(page), link as string)), `${page}: ${link}`)
    }
  }
})

/** What looks like a file of the project in a text: `folder/name.ts`. */
const FILE = /`([\w.-]+(?:\/[\w.-]+)*\/[\w.-]+\.(?:ts|md|txt))`/g

t.test('every file that docs/security.md names exists', async (t) => {
  const files = [...read('docs/security.md').matchAll(FILE)].map(([, file]) => file as string)
  t.ok(files.length > 100, `names ${files.length}`)
  for (const file of new Set(files)) {
    // The folders of services are written without `services/` there.
    t.ok(existsSync(path.join(ROOT, file)) || existsSync(path.join(ROOT, 'services', file)), file)
  }
})

t.test(
  'what docs/security.md calls partly or not done is in its list of what is open, and nothing else is',
  async (t) => {
    const [table = '', open = ''] = read('docs/security.md').split('\n## Open\n')
    const rows = [...table.matchAll(/^\| (\d+\.\d+\.\d+) \|.*\| ([\w/]+) \|$/gm)].map(([, id, state]) => ({
      id,
      state,
    }))
    t.equal(rows.length, 253, 'ASVS 5.0 has 253 requirements of levels 1 and 2')
    t.equal(new Set(rows.map(({ id }) => id)).size, rows.length)
    for (const { id, state } of rows)
      t.ok(['done', 'partly', 'not', 'n/a'].includes(state as string), `${id}: ${state}`)
    const unfinished = rows.filter(({ state }) => state === 'partly' || state === 'not').map(({ id }) => id)
    t.same([...open.matchAll(/\b\d+\.\d+\.\d+\b/g)].map(([id]) => id).sort(), unfinished.sort())
  },
)
