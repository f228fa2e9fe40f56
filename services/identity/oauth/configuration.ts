import type { Configuration, InteractionResults, KoaContextWithOIDC } from 'oidc-provider'
import type { JWK } from 'jose'
import { asOwner } from '#shared/scope.ts'
import type { AccountStore } from '../accounts/store.ts'
import type { IdentityConfig } from '../config.ts'
import { LANGUAGES } from '#shared/language.ts'
import { CLAIMS, findAccount } from './accounts.ts'
import type { Client, ClientStore } from './clients/store.ts'
import { devicePages, logoutPages, renderFailure } from './koa-pages.ts'
import type { Library } from './load.ts'
import { tenantFor } from './opaque.ts'
import { OAUTH_SCOPES } from './scopes.ts'

const DAY_S = 86_400
const ID_TOKEN_TTL_S = 3600

export interface ConfigurationOptions {
  config: IdentityConfig
  accounts: AccountStore
  clients: ClientStore
  adapter: Configuration['adapter']
  jwks: { keys: JWK[] }
  /** Signs the provider's cookies. */
  cookieKey: Buffer
  policy: Library['interactionPolicy']
}

/** The names of the provider's cookies: over https, browsers take them from this very host only (RFC 6265bis 4.1.3). */
function cookieNames(isSecure: boolean) {
  const named = (prefix: string, name: string) => `${isSecure ? prefix : ''}najimban-oauth${name}`
  return {
    session: named('__Host-', ''),
    interaction: named('__Secure-', '-interaction'),
    resume: named('__Secure-', '-resume'),
  }
}

/**
 * Prompts of the provider, with one more reason to sign in, an account that is suspended or in no tenant any more, and one more
 * to ask for leave: a device that somebody else may hold (RFC 8628 5.4).
 */
function promptsOf({ base, Check }: Library['interactionPolicy']) {
  const prompts = base()
  prompts.get('login')?.checks.add(
    new Check('account_unavailable', 'End-User authentication is required', 'login_required', (ctx) => {
      const { session, account } = ctx.oidc
      return session?.accountId !== undefined && account === undefined
    }),
  )
  prompts.get('consent')?.checks.add(
    new Check('device', 'devices require End-User interaction', 'interaction_required', (ctx) => {
      const { deviceCode, result } = ctx.oidc
      return deviceCode !== undefined && result?.consent === undefined
    }),
  )
  return prompts
}

/** OAuth 2.1 and OpenID Connect as this product has them: codes with PKCE, client credentials, devices; nothing implicit. */
export function configurationOf(options: ConfigurationOptions): Configuration {
  const { config, accounts, clients, adapter, jwks, cookieKey, policy } = options
  const isSecure = config.PUBLIC_URL.startsWith('https:')
  const cookie = { httpOnly: true, sameSite: 'lax', signed: true } as const
  const off = { enabled: false }

  /** Our own web applications do not ask those who belong to their tenant; for others they are as foreign as any. */
  function isTrusted(client: Client | undefined, account: string): boolean {
    if (client?.first_party !== true || client.application_type !== 'web') return false
    return accounts.roleIn(asOwner(account), client.tenant) !== undefined
  }

  async function loadExistingGrant(ctx: KoaContextWithOIDC) {
    const { client, session, provider, account, requestParamOIDCScopes: scopes } = ctx.oidc
    const { consent } = (ctx.oidc.result ?? {}) as InteractionResults
    const clientId = client?.clientId as string
    const id = consent?.grantId ?? session?.grantIdFor(clientId)
    const existing = id === undefined ? undefined : await provider.Grant.find(id)
    const accountId = account?.accountId as string
    if (!isTrusted(clients.find(clientId), accountId)) return existing
    const grant = existing ?? new provider.Grant({ clientId, accountId })
    const known = new Set(grant.getOIDCScopeEncountered().split(' '))
    if (existing !== undefined && [...scopes].every((scope) => known.has(scope))) return existing
    grant.addOIDCScope([...scopes].join(' '))
    await grant.save()
    return grant
  }

  return {
    adapter,
    jwks,
    findAccount: (_ctx, id) => findAccount(accounts, id),
    claims: CLAIMS,
    scopes: [...OAUTH_SCOPES],
    responseTypes: ['code'],
    subjectTypes: ['public'],
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'none'],
    clientDefaults: { id_token_signed_response_alg: 'EdDSA' },
    enabledJWA: { idTokenSigningAlgValues: ['EdDSA'] },
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    rotateRefreshToken: true,
    clockTolerance: 0,
    loadExistingGrant,
    /** Where a token acts and as what; the verifier reads the role anew each time. */
    extraTokenClaims: (_ctx, token) => {
      const client = clients.find(token.clientId as string)
      if (client === undefined) return undefined
      if (token.kind === 'ClientCredentials') return { tenant: client.tenant, role: client.role }
      const { accountId } = token as { accountId?: string }
      return { ...tenantFor(accounts, asOwner(accountId as string), client) }
    },
    // A page of an application itself may ask for tokens; those with a secret have no business in a browser.
    clientBasedCORS: (ctx, origin, client) =>
      (ctx.oidc.route === 'userinfo' || client.clientAuthMethod === 'none') &&
      (client.redirectUris ?? []).some((uri) => URL.parse(uri)?.origin === origin),
    cookies: { names: cookieNames(isSecure), long: cookie, short: cookie, keys: [cookieKey.toString('base64url')] },
    discovery: { ui_locales_supported: [...LANGUAGES] },
    interactions: { policy: promptsOf(policy), url: (_ctx, { uid }) => `/oauth/interaction/${uid}` },
    renderError: renderFailure,
    features: {
      devInteractions: off,
      // Tokens are bearer tokens: no gateway could verify a proof or an audience.
      dPoP: off,
      resourceIndicators: off,
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_ctx, client, token) => client.clientId === token.clientId },
      revocation: { enabled: true, allowedPolicy: (_ctx, client, token) => client.clientId === token.clientId },
      pushedAuthorizationRequests: { enabled: true },
      rpInitiatedLogout: { enabled: true, ...logoutPages },
      deviceFlow: {
        enabled: true,
        ...devicePages,
        deviceInfo: (ctx) => ({ ua: ctx.get('user-agent') }),
      },
    },
    routes: {
      authorization: '/oauth/auth',
      pushed_authorization_request: '/oauth/par',
      token: '/oauth/token',
      introspection: '/oauth/introspection',
      revocation: '/oauth/revocation',
      userinfo: '/oauth/userinfo',
      device_authorization: '/oauth/device/auth',
      code_verification: '/oauth/device',
      end_session: '/oauth/session/end',
      jwks: '/.well-known/jwks.json',
    },
    ttl: {
      AccessToken: config.ACCESS_TOKEN_TTL_S,
      ClientCredentials: config.ACCESS_TOKEN_TTL_S,
      AuthorizationCode: config.OAUTH_CODE_TTL_S,
      DeviceCode: config.OAUTH_DEVICE_CODE_TTL_S,
      Interaction: config.OAUTH_INTERACTION_TTL_S,
      // Who only looked at a page leaves nothing for long.
      Session: (_ctx, { accountId }) =>
        accountId === undefined ? config.OAUTH_INTERACTION_TTL_S : config.OAUTH_SESSION_TTL_DAYS * DAY_S,
      RefreshToken: config.OAUTH_REFRESH_TTL_DAYS * DAY_S,
      Grant: config.OAUTH_GRANT_TTL_DAYS * DAY_S,
      IdToken: ID_TOKEN_TTL_S,
    },
  }
}
