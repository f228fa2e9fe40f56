import t from 'tap'
import { PERMISSIONS, ROLES, SERVICE_ROLE, type PermissionClass, type Role } from '#shared/permissions.ts'
import { permissionsOf, ROUTE_PERMISSIONS } from '#shared/route-permissions.ts'
import { PROCESS_NAMES } from '#shared/ports.ts'
import type { App } from '#shared/server.ts'
import { PROCESSES, routesOf } from './test/routes.ts'
import { PLACES } from './test/walk/places.ts'

t.test('the permission table knows every route of the running processes, and no other', async (t) => {
  for (const name of PROCESS_NAMES) {
    await t.test(name, async (t) => {
      const routes = await routesOf(t, PROCESSES[name])
      const rows = [...permissionsOf(name).keys()]
      t.ok(routes.length > 5, `has ${routes.length} routes`)
      t.same(
        routes.filter((route) => !rows.includes(route)),
        [],
        'a route that the table does not know',
      )
      t.same(
        rows.filter((row) => !routes.includes(row)),
        [],
        'a row without a route',
      )
    })
  }
})

t.test('a route belongs to one class', async (t) => {
  for (const name of PROCESS_NAMES) {
    const rows = Object.values(ROUTE_PERMISSIONS[name]).flat()
    t.same(
      rows.filter((row, index) => rows.indexOf(row) !== index),
      [],
      name,
    )
  }
})

t.test('the gateway leads to every route that is not between processes', async (t) => {
  const own = ['/health', '/openapi.json', '/metrics']
  const hidden = PLACES.filter(({ permission, outside }) => permission !== 'internal' && outside.length === 0)
    .map(({ service, route, path }) => ({ name: `${service}: ${route}`, path }))
    .filter(({ path }) => !own.some((page) => path === page || path.startsWith(`${page}/`)))
  t.same(
    hidden.map(({ name }) => name),
    [],
  )
})

t.test('a process with a route of which nobody has said who may use it does not start', async (t) => {
  for (const name of PROCESS_NAMES) {
    await t.test(name, async (t) => {
      const process = PROCESSES[name]
      const withMore = (add: (app: App) => void): typeof process => ({
        ...process,
        build: async (config, deps) => {
          const built = await process.build(config, deps)
          void built.app.register(async (routes: App) => add(routes))
          t.teardown(async () => {
            await built.app.close()
            await built.close?.()
            deps.database?.close()
          })
          return built
        },
      })
      const answer = () => ({})
      const forgotten = withMore((app) => app.get('/api/forgotten/:id', answer))
      await t.rejects(routesOf(t, forgotten), {
        message: `${name}: nobody has said who may use GET /api/forgotten/:id; add it to ROUTE_PERMISSIONS`,
      })
      const other = withMore((app) => app.route({ method: ['GET', 'POST'], url: '/health/all', handler: answer }))
      await t.rejects(routesOf(t, other), { message: /GET \/health\/all/ })
      const probe = withMore((app) => app.get('/forgotten', { config: { public: true } }, answer))
      t.ok((await routesOf(t, probe)).includes('GET /forgotten'), 'the list would show it')
    })
  }
})

t.test('a class asks for a role, and a scope or a session', async (t) => {
  const { public: _public, internal, ...classes } = PERMISSIONS
  t.same(internal.role, SERVICE_ROLE)
  const asked = Object.entries(classes) as [string, PermissionClass][]
  for (const [name, { role, scope, session }] of asked) {
    t.ok(ROLES.includes(role as Role), name)
    t.ok(scope !== undefined || session === true, `not every credential opens ${name}`)
  }
})
