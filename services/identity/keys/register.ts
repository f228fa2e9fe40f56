import { userOf } from '#shared/caller.ts'
import type { Database } from '#shared/database.ts'
import type { Logger } from '#shared/logger.ts'
import type { Owner, Tenant } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { AccountStore } from '../accounts/store.ts'
import { createAppPasswordSecrets } from '../app-passwords/password.ts'
import { appPasswordRoutes } from '../app-passwords/routes.ts'
import { createAppPasswordStore } from '../app-passwords/store.ts'
import type { IdentityConfig } from '../config.ts'
import type { Revocations } from '../revocations/store.ts'
import type { Secrets } from '../secrets/store.ts'
import { createLastUsed } from '../verify/last-used.ts'
import { verifyRoutes } from '../verify/routes.ts'
import { createVerifier, type VerifyParts } from '../verify/verify.ts'
import { keyRoutes } from './routes.ts'
import { createKeySecrets } from './secret.ts'
import { createKeyStore } from './store.ts'

export interface KeysParts extends Pick<VerifyParts, 'verifyToken'> {
  config: IdentityConfig
  db: Database
  writes: Writes
  logger: Logger
  accounts: AccountStore
  secrets: Secrets
  revocations: Revocations
}

/** API keys of people and of tenants, app passwords, and the gateway's question whether one is good. */
export function registerKeys(app: App, given: KeysParts) {
  const { config, db, writes, accounts, secrets, revocations } = given
  const keys = createKeyStore(db)
  const keySecrets = createKeySecrets(secrets.of('api-key-pepper'))
  const appPasswords = createAppPasswordStore(db)
  const appPasswordSecrets = createAppPasswordSecrets(secrets.of('app-password-pepper'))
  const lastUsed = createLastUsed(db, given)
  const parts = { keys, secrets: keySecrets, writes, revocations, config }

  const personal = keyRoutes<Owner>(parts, {
    keys: keys.ofAccount,
    holderOf: userOf,
    accountOf: (account) => account,
    roleIn: (request, tenant) => accounts.roleIn(userOf(request), tenant),
    most: config.API_KEYS_MAX,
    setting: 'API_KEYS_MAX',
  })
  const ofTenant = keyRoutes<Tenant>(parts, {
    keys: keys.ofTenant,
    holderOf: (request) => request.caller.tenant,
    accountOf: () => null,
    // Only administrators get here.
    roleIn: () => 'admin',
    most: config.TENANT_KEYS_MAX,
    setting: 'TENANT_KEYS_MAX',
  })
  void app.register(personal, { prefix: '/api/auth/keys' })
  void app.register(ofTenant, { prefix: '/api/admin/keys' })
  void app.register(appPasswordRoutes({ appPasswords, secrets: appPasswordSecrets, writes, revocations, config }), {
    prefix: '/api/auth/app-passwords',
  })
  void app.register(
    verifyRoutes(createVerifier({ ...given, keys, keySecrets, appPasswords, appPasswordSecrets, lastUsed })),
  )
  return { sweep: keys.sweep, stop: lastUsed.stop }
}
