import { createService, serveServiceHealth } from '#shared/service.ts'
import type { Built, Deps, ProcessOptions } from '#shared/start.ts'
import { settings, type IdentityConfig } from './config.ts'
import { openIdentityDatabase } from './migrations.ts'

const INFO = {
  name: 'identity',
  title: 'Identity',
  description: 'Accounts, tokens, OAuth 2.1 and OpenID Connect, API keys, roles and the audit log',
} as const

export const identityProcess: ProcessOptions<IdentityConfig> = {
  name: INFO.name,
  settings,
  port: (config) => config.IDENTITY_PORT,
  openDatabase: openIdentityDatabase,
  build: buildIdentity,
}

/** Identity on an open database; it never listens. */
export function buildIdentity(config: IdentityConfig, deps: Deps): Built {
  const { writes, app } = createService(INFO, config, deps)
  serveServiceHealth(app, INFO.name, deps.health)
  return { app, close: () => writes.stop() }
}
