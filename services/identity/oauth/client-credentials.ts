import type { KoaContextWithOIDC, UnknownObject } from 'oidc-provider'
import type { Library } from './load.ts'
import { isApiScope } from './scopes.ts'

/**
 * The client credentials grant (RFC 6749 4.4) in place of the provider's own, which takes unknown scopes into the token and
 * makes one without any when none is asked for. Here that means all that the application may use (RFC 6749 3.3).
 */
export const clientCredentials =
  (errors: Library['errors']) =>
  async (ctx: KoaContextWithOIDC & { body?: unknown }): Promise<void> => {
    const { client, params, provider } = ctx.oidc
    if (client === undefined) throw new errors.InvalidClient()
    const allowed = (client.scope ?? '').split(' ').filter(isApiScope)
    const { scope: asked } = params as UnknownObject
    const scopes = typeof asked === 'string' && asked !== '' ? asked.split(' ') : allowed
    const other = scopes.filter((scope) => !(allowed as string[]).includes(scope))
    if (other.length > 0) throw new errors.InvalidScope('requested scope is not allowed', other.join(' '))
    const token = new provider.ClientCredentials({ client, scope: scopes.join(' ') })
    ctx.oidc.entity('ClientCredentials', token)
    const access_token = await token.save()
    ctx.body = { access_token, token_type: 'Bearer', expires_in: token.expiration, scope: token.scope }
  }
