import { createInternalClient } from '#shared/internal.ts'
import { rotateWith } from '#shared/key-rotation.ts'
import { openKeyring } from '#shared/keyring.ts'
import { createService, serveServiceHealth } from '#shared/service.ts'
import type { Built, Deps, ProcessOptions } from '#shared/start.ts'
import { createDeletions } from './account-data/deletion.ts'
import { accountDataOfIdentityRoutes } from './account-data/routes.ts'
import { createAccountDataStore } from './account-data/store.ts'
import { createMailLinks } from './accounts/mail-links.ts'
import { createOneTimeTokens } from './accounts/one-time-tokens.ts'
import { registerAccounts } from './accounts/register.ts'
import { createTellOwner } from './accounts/security-notes.ts'
import { createAccountStore } from './accounts/store.ts'
import { createAuditLog } from './audit/log.ts'
import { auditRoutes } from './audit/routes.ts'
import { createAuditStore } from './audit/store.ts'
import { CONTRADICTED } from './audit/verify.ts'
import { settings, type IdentityConfig } from './config.ts'
import { SEALED_COLUMNS } from './encryption/columns.ts'
import { encryptionRoutes } from './encryption/routes.ts'
import { registerKeys } from './keys/register.ts'
import { createPasswordCheck } from './login/check.ts'
import { createPasswords } from './login/passwords.ts'
import { createPasswordPolicy } from './login/policy.ts'
import { loginRoutes } from './login/routes.ts'
import { createSecondStep } from './login/second-step.ts'
import { createFailureStore } from './login/store.ts'
import { createThrottle } from './login/throttle.ts'
import { createMailer } from './mail/mailer.ts'
import { createOutbox } from './mail/outbox.ts'
import { mfaRoutes } from './mfa/routes.ts'
import { createSamePerson } from './mfa/same-person.ts'
import { createSecondFactor } from './mfa/second-factor.ts'
import { createMfaStore } from './mfa/store.ts'
import { openIdentityDatabase } from './migrations.ts'
import { registerOAuth } from './oauth/register.ts'
import { createChallenges } from './passkeys/challenges.ts'
import { passkeyLoginRoutes } from './passkeys/login-routes.ts'
import { createRelyingParty } from './passkeys/relying-party.ts'
import { passkeyRoutes } from './passkeys/routes.ts'
import { createPasskeyStore } from './passkeys/store.ts'
import { createFeed } from './revocations/feed.ts'
import { revocationRoutes } from './revocations/routes.ts'
import { createRevocations } from './revocations/store.ts'
import { createSecrets } from './secrets/store.ts'
import { createOpenSession } from './sessions/open.ts'
import { sessionRoutes } from './sessions/routes.ts'
import { createSessionStore } from './sessions/store.ts'
import { announceSetup } from './setup/announce.ts'
import { setupRoutes } from './setup/routes.ts'
import { createSetupStore } from './setup/store.ts'
import { createSigningKeys } from './signing/keys.ts'
import { jwksRoutes, signingKeyRoutes } from './signing/routes.ts'
import { createSigningKeyStore } from './signing/store.ts'
import { createAccessTokens } from './signing/tokens.ts'
import { scheduleSweep } from './sweep.ts'

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
  const { db, writes, app, recorder } = createService(INFO, config, deps, {
    keyring,
    deliver: (rows) => auditLog.add(rows),
  })
  const { logger, health, metrics } = deps
  const { registry } = metrics

  if (config.NODE_ENV === 'production' && !config.PUBLIC_URL.startsWith('https:')) {
    logger.warn(
      { PUBLIC_URL: config.PUBLIC_URL },
      'people reach this without TLS: passwords and tokens can be read on the way',
    )
  }

  // The audit log: first, because everything is written into it
  const audit = createAuditStore(db)
  const onContradiction = (fault: string) => recorder?.note(CONTRADICTED, { fault })
  const auditLog = createAuditLog({ store: audit, writes, keyring, config, registry, logger, onContradiction })
  const stopRetention = auditLog.scheduleRetention((deleted) => recorder?.note('audit.retained', { deleted }))

  // Keys, and what ends
  const rotation = rotateWith(app, { db, writes, keyring, columns: SEALED_COLUMNS, logger })
  const secrets = createSecrets(db, keyring)
  const revocations = createRevocations(db, config)
  const signingKeys = createSigningKeys({ store: createSigningKeyStore(db, keyring), writes, config, logger })
  const feed = createFeed({ revocations, signingKeys, writes, health, config })

  // Accounts and their mails
  const accounts = createAccountStore(db)
  const oneTimeTokens = createOneTimeTokens(db)
  const prepare = createMailLinks(accounts, oneTimeTokens, config)
  const mailer = createMailer(config, { outbox: createOutbox(db, keyring), writes, logger, registry, prepare })
  const tellOwner = createTellOwner(accounts, mailer)

  // Signing in: password, second factor, passkey, session
  const passwords = createPasswords(config, registry)
  const policy = createPasswordPolicy(config)
  const secret = secrets.of('login-throttle')
  const throttle = createThrottle({ store: createFailureStore(db), writes, secret, config })
  const passwordCheck = createPasswordCheck({ accounts, passwords, throttle, writes })
  const passkeys = createPasskeyStore(db)
  const mfa = createMfaStore(db, keyring)
  const secondFactor = createSecondFactor({ store: mfa, passkeys, writes, pepper: secrets.of('recovery-codes') })
  const secondStep = createSecondStep({ oneTimeTokens, secondFactor, throttle, writes, config })
  const challenges = createChallenges(oneTimeTokens, config)
  const relyingParty = createRelyingParty(config)
  const sessions = createSessionStore(db, revocations, config)
  const sessionParts = { sessions, accounts, tokens: createAccessTokens(signingKeys, config), writes }
  const openSession = createOpenSession(sessionParts)
  const samePerson = createSamePerson({ accounts, sessions, passwordCheck, config })
  const setupParts = { setup: createSetupStore(db), accounts, oneTimeTokens, passwords, policy, writes, config }

  // All data of an account, also in other services
  const internal = createInternalClient(INFO.name, config)
  const store = createAccountDataStore(db)
  const deletions = createDeletions(store, internal, writes, logger)
  const accountDataParts = { accounts, store, sessions, revocations, deletions, samePerson, internal, writes }

  serveServiceHealth(app, INFO.name, health)
  void app.register(jwksRoutes(signingKeys))
  void app.register(signingKeyRoutes(signingKeys, writes), { prefix: '/api/admin/signing-keys' })
  void app.register(encryptionRoutes(rotation, logger), { prefix: '/api/admin/encryption' })
  void app.register(revocationRoutes(feed))
  void app.register(auditRoutes(audit, auditLog, async () => recorder?.flush(), config))
  void app.register(setupRoutes(setupParts))
  void app.register(loginRoutes({ accounts, passwordCheck, secondStep, openSession }), { prefix: '/api/auth/login' })
  void app.register(sessionRoutes(sessionParts), { prefix: '/api/auth' })
  void app.register(mfaRoutes({ store: mfa, passkeys, secondFactor, samePerson, throttle, tellOwner, writes }))
  void app.register(
    passkeyRoutes({ passkeys, challenges, relyingParty, samePerson, tellOwner, writes, logger, config }),
  )
  void app.register(passkeyLoginRoutes({ accounts, passkeys, challenges, relyingParty, openSession, writes, logger }))
  const oauth = registerOAuth(app, {
    config,
    logger,
    db,
    writes,
    keyring,
    secrets,
    accounts,
    sessions,
    revocations,
    signingKeys,
    passwordCheck,
    secondStep,
  })
  const { endGrants, grantsOf, verifyToken } = oauth
  void app.register(accountDataOfIdentityRoutes({ ...accountDataParts, grantsOf }))
  const accountRoutes = registerAccounts(app, {
    config,
    db,
    writes,
    accounts,
    tokens: oneTimeTokens,
    mailer,
    tellOwner,
    passwords,
    policy,
    sessions,
    revocations,
    secondFactor,
    mfa,
    samePerson,
    endGrants,
  })

  const keys = registerKeys(app, { config, db, writes, logger, accounts, secrets, revocations, verifyToken })

  app.addHook('onListen', () => announceSetup(setupParts))
  const sweep = scheduleSweep(
    [
      revocations.sweep,
      sessions.sweep,
      throttle.sweep,
      oneTimeTokens.sweep,
      oauth.sweep,
      keys.sweep,
      ...accountRoutes.sweepers,
    ],
    writes,
    logger,
  )
  const close = async () => {
    await mailer.stop()
    await deletions.stop()
    await keys.stop()
    internal.close()
    sweep.stop()
    feed.stop()
    signingKeys.stop()
    stopRetention()
    await auditLog.checkpoint()
    writes.stop()
  }
  return { app, close }
}
