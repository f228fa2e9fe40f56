import type { IncomingMessage } from 'node:http'
import type { Context } from 'koa'
import type { Provider, KoaContextWithOIDC } from 'oidc-provider'
import type { AuditEvent } from '#shared/audit/event.ts'
import type { Logger } from '#shared/logger.ts'
import type { Writes } from '#shared/writes.ts'
import type { AccountStore } from '../accounts/store.ts'
import type { IdentityConfig } from '../config.ts'
import type { SigningKeys } from '../signing/keys.ts'
import { createAdapter } from './adapter.ts'
import { reportEvents } from './audit.ts'
import { clientCredentials } from './client-credentials.ts'
import { isSecret } from './clients/metadata.ts'
import type { ClientStore } from './clients/store.ts'
import { configurationOf } from './configuration.ts'
import { askToSignOut, languageOfKoa, showPage } from './koa-pages.ts'
import { loadLibrary, type Library } from './load.ts'
import { goOnPage } from './pages/outcome.ts'
import type { RecordStore } from './records.ts'

export interface ProviderOptions {
  config: IdentityConfig
  logger: Logger
  writes: Pick<Writes, 'run'>
  accounts: AccountStore
  clients: ClientStore
  records: RecordStore
  signingKeys: Pick<SigningKeys, 'current' | 'jwks' | 'privateJwks'>
  cookieKey: Buffer
  /** Told what a request was about, before it is answered. */
  audit: (request: IncomingMessage, event: AuditEvent) => void
}

export type Providers = ReturnType<typeof createProviders>

const DEVICE_PATH = '/oauth/device'
const AUTHORIZATION_PATH = '/oauth/auth'

/** What every answer of the provider goes through. */
const adjust =
  (sessionCookie: string) =>
  async (context: Context, next: () => Promise<void>): Promise<void> => {
    const ctx = context as Context & KoaContextWithOIDC
    if (ctx.path === DEVICE_PATH && ctx.method === 'GET' && ctx.query.user_code !== undefined) {
      // The provider would send a code that came with an address by a script; here the person sends it (RFC 8628 3.3.1).
      const { user_code: code, ...query } = ctx.query
      ctx.state.userCode = String(code)
      ctx.query = query
    }
    const isFormOfDevice = ctx.path === DEVICE_PATH && ctx.method === 'POST'
    const isBackOfDevice = ctx.path.startsWith(`${DEVICE_PATH}/`) && ctx.method === 'GET'
    if ((isFormOfDevice || isBackOfDevice) && ctx.cookies.get(sessionCookie, { signed: true }) === undefined) {
      // Without a session there is nothing that either could belong to, and the provider fails over saving one.
      ctx.status = 303
      return ctx.redirect(DEVICE_PATH)
    }
    const { response_mode: mode } = ctx.query
    if (ctx.path === AUTHORIZATION_PATH && typeof mode === 'string' && mode !== '' && mode !== 'query') {
      // The provider refuses other modes, but in the very mode: with a form that a script sends, for instance.
      ctx.query = { ...ctx.query, response_mode: 'unsupported' }
    }
    await next()
    if (ctx.oidc === undefined) return
    const { route } = ctx.oidc
    if (ctx.method === 'POST' && ctx.status === 303) {
      // Chromium counts what follows a form as its target, however far it leads (CSP form-action): a page of ours ends that.
      const target = ctx.response.get('location')
      ctx.remove('location')
      ctx.status = 200
      showPage(ctx, goOnPage(languageOfKoa(ctx), target))
      ctx.set('refresh', `0; url=${target}`)
    } else if (route === 'discovery') Object.assign(ctx.body as object, { response_modes_supported: ['query'] })
    else if (ctx.status === 200 && endsAnotherSignIn(ctx)) askToSignOut(ctx, false)
  }

/** Whether the provider answers with a form that a script would send to end a sign-in. */
function endsAnotherSignIn({ oidc: { route, session } }: KoaContextWithOIDC): boolean {
  if (route === 'end_session') return session?.accountId === undefined
  // Somebody else has just signed in: first the one before is signed out, then the request goes on.
  const { state } = (session ?? {}) as { state?: { postLogoutRedirectUri?: string } }
  return (route === 'resume' || route === 'device_resume') && state?.postLogoutRedirectUri !== undefined
}

/**
 * The OpenID provider. It is loaded at the first request that needs it, and made anew when the signing keys change: all that
 * it knows is in the database, so nobody notices.
 */
export function createProviders(options: ProviderOptions) {
  const { config, logger, writes, accounts, clients, records, signingKeys, cookieKey, audit } = options
  let library: Promise<Library> | undefined
  let made: { keys: string; provider: Provider } | undefined

  function make({ Provider, errors, interactionPolicy: policy }: Library): Provider {
    const alreadyUsed = (model: string) =>
      model === 'PushedAuthorizationRequest' ? new errors.InvalidRequestUri() : new errors.InvalidGrant('already used')
    const adapter = createAdapter({ records, clients, writes, alreadyUsed })
    const jwks = signingKeys.privateJwks()
    const provider = new Provider(
      config.PUBLIC_URL,
      configurationOf({ config, accounts, clients, adapter, jwks, cookieKey, policy }),
    )
    provider.registerGrantType('client_credentials', clientCredentials(errors), ['scope'])
    // What is stored of a secret is its hash; the constructor's own comparison would take the hash itself as the secret.
    provider.Client.prototype.compareClientSecret = function compareClientSecret(sent: string) {
      return isSecret(this.clientSecret, sent)
    }
    provider.proxy = true // the headers that it reads are set by the mount, never by a client
    provider.silent = true
    provider.use(adjust(provider.cookieName('session')))
    reportEvents(provider, audit, logger)
    return provider
  }

  return {
    /** The provider with the keys of this moment. */
    async current(): Promise<Provider> {
      library ??= loadLibrary()
      const loaded = await library
      const keys = `${signingKeys.current().kid} ${signingKeys.jwks().hash}`
      if (made?.keys !== keys) made = { keys, provider: make(loaded) }
      return made.provider
    },
  }
}
