import type { errors, KoaContextWithOIDC } from 'oidc-provider'
import type { Context } from 'koa'
import { renderPage } from '../pages/page.ts'
import type { Language } from '#shared/language.ts'
import { languageFor } from './language.ts'
import { deviceDonePage, deviceEndPage, userCodeConfirmPage, userCodePage } from './pages/device.ts'
import { failurePage, signedOutPage, signOutPage } from './pages/outcome.ts'
import type { PageContent } from './pages/sign-in.ts'
import { TEXTS } from './texts.ts'

type Koa = Context & KoaContextWithOIDC

/** The language of a page of the provider. */
export const languageOfKoa = (ctx: KoaContextWithOIDC): Language => {
  const { params } = (ctx.oidc ?? {}) as { params?: { ui_locales?: unknown } }
  return languageFor(ctx.headers, { lang: ctx.query.lang }, params?.ui_locales)
}

/** Answers with a page; one that was asked for by GET can be had in the other language. */
export function showPage(context: KoaContextWithOIDC, page: PageContent): void {
  const ctx = context as Koa
  const { headers, text } = renderPage({ ...page, ...(ctx.method === 'GET' ? { url: ctx.originalUrl } : {}) })
  ctx.body = text
  ctx.set(headers)
}

/** Path of a route of the provider; a language that was chosen is kept. */
export function actionOf(ctx: KoaContextWithOIDC, route: string): string {
  const { pathname } = new URL(ctx.oidc.urlFor(route))
  return typeof ctx.query.lang === 'string' ? `${pathname}?${new URLSearchParams({ lang: ctx.query.lang })}` : pathname
}

/** What the session keeps against forms of other sites. */
export const xsrfOf = (ctx: KoaContextWithOIDC): string => {
  const { state } = ctx.oidc.session as unknown as { state: { secret: string } }
  return state.secret
}

const clientName = ({ oidc }: KoaContextWithOIDC): string => oidc.client?.clientName ?? oidc.client?.clientId ?? ''

/** What a person may do about an error. */
function kindOf(error: Error): 'expired' | 'badRequest' | 'internal' {
  if (error.name === 'SessionNotFound') return 'expired'
  return (error as { expose?: boolean }).expose === true ? 'badRequest' : 'internal'
}

export function renderFailure(
  context: KoaContextWithOIDC,
  out: { error: string; error_description?: string },
  error: Error,
) {
  const ctx = context as Koa
  const id = ctx.res.getHeader('x-request-id')
  const { error: name, error_description: description } = out
  const requestId = typeof id === 'string' ? id : undefined
  showPage(ctx, failurePage({ language: languageOfKoa(ctx), kind: kindOf(error), error: name, description, requestId }))
}

/** The pages of the device flow, as `features.deviceFlow` of the provider asks for them. */
export const devicePages = {
  userCodeInputSource(
    context: KoaContextWithOIDC,
    _form: string,
    _out?: unknown,
    error?: errors.OIDCProviderError | Error,
  ): void {
    const ctx = context as Koa
    const language = languageOfKoa(ctx)
    const words = TEXTS[language]
    if (error?.name === 'AbortedError') return showPage(ctx, deviceEndPage(language, words.deviceAborted))
    const { userCode } = (error ?? {}) as { userCode?: string }
    const isWrong = userCode !== undefined || error?.name === 'NoCodeError'
    if (error !== undefined && !isWrong) return showPage(ctx, deviceEndPage(language, words.deviceFailed))
    // The provider shows it as a success, but it refused something.
    if (isWrong) ctx.status = 400
    showPage(
      ctx,
      userCodePage({
        language,
        action: actionOf(ctx, 'code_verification'),
        xsrf: xsrfOf(ctx),
        code: userCode ?? (ctx.state.userCode as string | undefined),
        fault: isWrong ? words.wrongUserCode : undefined,
      }),
    )
  },
  userCodeConfirmSource(ctx: KoaContextWithOIDC, _form: string, _client: unknown, _info: unknown, code: string): void {
    showPage(
      ctx,
      userCodeConfirmPage({
        language: languageOfKoa(ctx),
        action: actionOf(ctx, 'code_verification'),
        xsrf: xsrfOf(ctx),
        code,
        client: clientName(ctx),
      }),
    )
  },
  successSource: (ctx: KoaContextWithOIDC): void => showPage(ctx, deviceDonePage(languageOfKoa(ctx), clientName(ctx))),
}

/** The pages of RP-initiated logout. */
export const logoutPages = {
  logoutSource: (ctx: KoaContextWithOIDC): void => askToSignOut(ctx, true),
  postLogoutSuccessSource: (ctx: KoaContextWithOIDC): void => showPage(ctx, signedOutPage(languageOfKoa(ctx))),
}

export function askToSignOut(ctx: KoaContextWithOIDC, isChoice: boolean): void {
  const action = actionOf(ctx, 'end_session_confirm')
  showPage(ctx, signOutPage({ language: languageOfKoa(ctx), action, xsrf: xsrfOf(ctx), isChoice }))
}
