import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { FastifyInstance } from 'fastify'
import type { Test } from 'tap'
import type { CommonConfig } from '#shared/config.ts'
import { routeName } from '#shared/route-permissions.ts'
import type { ProcessName } from '#shared/ports.ts'
import type { ProcessOptions } from '#shared/start.ts'
import { testService } from '#shared/test/service.ts'
import { gatewayProcess } from '../../gateway/app.ts'
import { calendarProcess } from '../../services/calendar/app.ts'
import { collectorProcess } from '../../services/collector/app.ts'
import { diaryProcess } from '../../services/diary/app.ts'
import { identityProcess } from '../../services/identity/app.ts'

type AnyProcess = ProcessOptions<CommonConfig>

/** A test reads the config of a process by its own settings, so it gets what it asks for. */
const some = <C extends CommonConfig>(process: ProcessOptions<C>) => process as unknown as AnyProcess

/** Every process, as its main.ts runs it. */
export const PROCESSES: Record<ProcessName, AnyProcess> = {
  gateway: some(gatewayProcess),
  calendar: some(calendarProcess),
  diary: some(diaryProcess),
  collector: some(collectorProcess),
  identity: some(identityProcess),
}

/** Published by Fastify for every instance, before anything is registered on it. */
const CREATED = 'fastify.initialization'

/**
 * Builds a process on a fresh folder and lists what it answers itself, as the permission table names it; what the gateway
 * sends on is not its own.
 */
export async function routesOf(t: Test, process: AnyProcess): Promise<string[]> {
  const routes = new Set<string>()
  const listen = (message: unknown) => {
    const { fastify: app } = message as { fastify: FastifyInstance }
    app.addHook('onRoute', ({ method, url, config }) => {
      if (config?.route !== undefined) return
      for (const one of [method].flat()) routes.add(routeName(one, url))
    })
  }
  subscribe(CREATED, listen)
  try {
    await testService(t, process, { INTERNAL_SECRET: 'a secret that is long enough, 32+' })
  } finally {
    unsubscribe(CREATED, listen)
  }
  return [...routes].sort()
}
