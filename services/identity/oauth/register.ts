import type { Database } from '#shared/database.ts'
import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { AccountStore } from '../accounts/store.ts'
import type { IdentityConfig } from '../config.ts'
import type { Revocations } from '../revocations/store.ts'
import type { Secrets } from '../secrets/store.ts'
import type { SessionStore } from '../sessions/store.ts'
import type { SigningKeys } from '../signing/keys.ts'
import { clientRoutes } from './clients/routes.ts'
import { createClientStore } from './clients/store.ts'
import { grantRoutes } from './grants/routes.ts'
import { createGrantsOf } from './grants/view.ts'
import { interactionRoutes, type InteractionRouteOptions } from './interactions/routes.ts'
import { createAuditNotes, providerRoutes } from './mount.ts'
import { createTokenVerifier } from './opaque.ts'
import { createProviders } from './provider.ts'
import { createRecordStore } from './records.ts'

export interface OAuthParts extends Pick<InteractionRouteOptions, 'passwordCheck' | 'secondStep'> {
  config: IdentityConfig
  logger: Logger
  db: Database
  writes: Writes
  keyring: Keyring
  secrets: Secrets
  accounts: AccountStore
  sessions: Pick<SessionStore, 'onRevokeAll'>
  revocations: Revocations
  signingKeys: SigningKeys
}

/** OAuth 2.1 and OpenID Connect: the provider, its pages, the applications, and what people allowed them. */
export function registerOAuth(app: App, parts: OAuthParts) {
  const { config, logger, db, writes, keyring, secrets, accounts, sessions, revocations, signingKeys } = parts
  const { passwordCheck, secondStep } = parts
  const records = createRecordStore(db, keyring, revocations)
  const clients = createClientStore(db)
  const notes = createAuditNotes()
  const providers = createProviders({
    config,
    logger,
    writes,
    accounts,
    clients,
    records,
    signingKeys,
    cookieKey: secrets.of('oauth-cookies'),
    audit: notes.note,
  })
  // Who is signed out everywhere is signed out for applications, too.
  sessions.onRevokeAll(records.endLogins)
  void app.register(providerRoutes(providers, notes, config))
  void app.register(interactionRoutes({ providers, accounts, clients, passwordCheck, secondStep, config }), {
    prefix: '/oauth/interaction',
  })
  void app.register(clientRoutes({ clients, revocations, writes, config }), { prefix: '/api/admin/clients' })
  const grantsOf = createGrantsOf(records, clients)
  void app.register(grantRoutes(records, grantsOf, writes), { prefix: '/api/auth/grants' })
  return {
    grantsOf,
    ...createTokenVerifier({ records, clients, accounts }),
    /** Ends everything that an account has allowed applications; inside a write. */
    endGrants: records.endGrants,
    /** Deletes some of what has expired; inside a write. @returns whether there may be more */
    sweep: records.sweep,
  }
}
