import { openKeyring } from '#shared/keyring.ts'
import { createService, serveServiceHealth } from '#shared/service.ts'
import type { Built, Deps, ProcessOptions } from '#shared/start.ts'
import { createAccountStore } from './accounts/store.ts'
import { settings, type IdentityConfig } from './config.ts'
import { createPasswords } from './login/passwords.ts'
import { openIdentityDatabase } from './migrations.ts'
import { revocationRoutes } from './revocations/routes.ts'
import { createRevocations } from './revocations/store.ts'
import { createSecrets } from './secrets/store.ts'
import { createOpenSession } from './sessions/open.ts'
import { createSessionStore } from './sessions/store.ts'
import { createSigningKeys } from './signing/keys.ts'
import { signingRoutes } from './signing/routes.ts'
import { createSigningKeyStore } from './signing/store.ts'
import { createAccessTokens } from './signing/tokens.ts'

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
  const keyring = openKeyring(config)
  const { db, writes, app } = createService(INFO, config, deps, { keyring })
  const { logger, health, metrics } = deps
  const secrets = createSecrets(db, keyring)
  const revocations = createRevocations(db, config)
  const signingKeys = createSigningKeys({ store: createSigningKeyStore(db, keyring), writes, config, logger })
  const accessTokens = createAccessTokens(signingKeys, config)
  const accounts = createAccountStore(db)
  const passwords = createPasswords(config, metrics.registry)
  const sessions = createSessionStore(db, revocations, config)
  const openSession = createOpenSession({ sessions, accounts, tokens: accessTokens, writes })
  // For the routes to come.
  void [secrets, passwords, openSession]

  serveServiceHealth(app, INFO.name, health)
  void app.register(signingRoutes(signingKeys))
  void app.register(revocationRoutes({ revocations, signingKeys, writes, health, config }))

  const close = () => {
    signingKeys.stop()
    writes.stop()
  }
  return { app, close }
}
