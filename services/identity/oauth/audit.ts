import type { IncomingMessage } from 'node:http'
import type { KoaContextWithOIDC, Provider } from 'oidc-provider'
import type { AuditEvent } from '#shared/audit/event.ts'
import type { Logger } from '#shared/logger.ts'

type Report = (request: IncomingMessage, event: AuditEvent) => void

/** Says in the audit log what the provider has done or refused, and in the log what failed. */
export function reportEvents(provider: Provider, report: Report, logger: Logger): void {
  const about = ({ req, oidc }: KoaContextWithOIDC, event: string, detail?: AuditEvent['detail']) => {
    const account = oidc.account?.accountId ?? oidc.session?.accountId
    const client = oidc.client === undefined ? undefined : `client:${oidc.client.clientId}`
    const actor = account === undefined ? client : `account:${account}`
    report(req, {
      event,
      ...(actor === undefined ? {} : { actor }),
      ...(client === undefined ? {} : { target: client }),
      ...(detail === undefined ? {} : { detail }),
    })
  }
  const refused = (event: string) => (ctx: KoaContextWithOIDC, error: Error) => {
    about(ctx, event, { error: error.message })
  }

  provider.on('authorization.success', (ctx) => {
    about(ctx, ctx.oidc.deviceCode === undefined ? 'code.issued' : 'device.connected')
  })
  provider.on('authorization.error', refused('oauth.refused'))
  provider.on('pushed_authorization_request.error', refused('oauth.refused'))
  provider.on('device_authorization.error', refused('oauth.refused'))
  provider.on('code_verification.error', refused('oauth.refused'))
  provider.on('grant.success', (ctx) => about(ctx, 'token.issued', { grant_type: String(ctx.oidc.params?.grant_type) }))
  provider.on('grant.revoked', (ctx, grantId) => {
    const event = { token: 'token.reused', revocation: 'grant.revoked' }[ctx.oidc.route]
    if (event !== undefined) about(ctx, event, { grant: grantId })
  })
  provider.on('grant.error', refused('token.refused'))
  provider.on('introspection.error', refused('token.refused'))
  provider.on('revocation.error', refused('token.refused'))
  provider.on('userinfo.error', refused('token.refused'))
  provider.on('end_session.success', (ctx) => about(ctx, 'logout'))
  provider.on('server_error', (ctx, error) => {
    logger.error({ requestId: ctx.res.getHeader('x-request-id'), err: error }, 'the provider failed')
  })
}
