import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { AccountStore } from '../accounts/store.ts'
import { signedSchema } from '../sessions/schema.ts'
import type { OpenSession } from '../sessions/open.ts'
import type { PasswordCheck } from './check.ts'
import { codeSchema, loginSchema, type CodeInput, type LoginInput } from './schema.ts'
import { TWO_FACTORS, WRONG_CODE, type Choice, type SecondStep } from './second-step.ts'

export interface LoginParts {
  accounts: AccountStore
  passwordCheck: PasswordCheck
  secondStep: SecondStep
  openSession: OpenSession
}

const config = { etag: false }
const tags = ['login']
const response = { 200: signedSchema }

/** /api/auth/login: a session for an e-mail address and a password, and a code where there is a second factor. */
export const loginRoutes =
  ({ accounts, passwordCheck, secondStep, openSession }: LoginParts) =>
  async (routes: App): Promise<void> => {
    routes.post<{ Body: LoginInput }>(
      '/',
      { config, schema: { tags, summary: 'Signs in by e-mail address and password', body: loginSchema, response } },
      async (request, reply) => {
        const { email, password, code, ...choice } = request.body
        const account = await passwordCheck.check({ email, password, ip: request.caller.ip, request })
        if (!secondStep.isNeeded(account)) return openSession(request, reply, account, { ...choice, amr: ['pwd'] })
        if (code === undefined) {
          request.auditEvent = { event: 'second-factor.required', target: `account:${account.id}` }
          throw await secondStep.ask(account, choice)
        }
        if (!(await secondStep.isRight(request, account, code))) throw await secondStep.ask(account, choice, WRONG_CODE)
        return openSession(request, reply, account, { ...choice, amr: TWO_FACTORS })
      },
    )

    routes.post<{ Body: CodeInput }>(
      '/code',
      { config, schema: { tags, summary: 'Signs in with the second factor', body: codeSchema, response } },
      async (request, reply) => {
        const { mfa_token, code } = request.body
        request.auditEvent = { event: 'second-factor.failed' }
        const step = secondStep.peek(mfa_token)
        const account = step?.account === undefined ? undefined : accounts.find(step.account)
        if (step === undefined || account === undefined) {
          const headers = { 'www-authenticate': 'Bearer' }
          throw new Problem('unauthenticated', { detail: 'Too much time has passed; sign in again', headers })
        }
        if (!(await secondStep.isRight(request, account, code))) throw secondStep.askAgain(account, mfa_token)
        await secondStep.finish(mfa_token)
        return openSession(request, reply, account, { ...(step.detail as unknown as Choice), amr: TWO_FACTORS })
      },
    )
  }
