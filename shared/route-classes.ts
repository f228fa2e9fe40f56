import type { FastifyContextConfig } from 'fastify'
import { type PermissionName } from './permissions.ts'
import { permissionsOf, routeName } from './route-permissions.ts'
import type { ProcessName } from './ports.ts'
import type { App } from './server.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The class of the route in the permission table. */
    permission?: PermissionName
  }
}

/**
 * Gives every route that is registered from here on its class in the permission table, so that a process with a route of which
 * nobody has said who may use it does not start.
 * @param isElsewhere whether somebody else decides about a route (the gateway sends it on)
 * @throws Error at the registration of a route that is neither in the table nor has a class or `public` in its own config
 */
export function classifyRoutes(
  app: App,
  process: ProcessName,
  isElsewhere: (config: FastifyContextConfig) => boolean = () => false,
): void {
  const classes = permissionsOf(process)
  app.addHook('onRoute', (route) => {
    const config: FastifyContextConfig = route.config ?? {}
    if (isElsewhere(config)) return
    const names = [route.method].flat().map((method) => routeName(method, route.url))
    const unknown = names.find((name) => !classes.has(name))
    if (unknown !== undefined && config.permission === undefined && config.public !== true) {
      throw new Error(`${process}: nobody has said who may use ${unknown}; add it to ROUTE_PERMISSIONS`)
    }
    const permission = classes.get(names[0] as string)
    route.config = { ...(permission === undefined ? {} : { permission }), ...config }
  })
}
