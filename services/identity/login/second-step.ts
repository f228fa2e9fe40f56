import type { FastifyRequest } from 'fastify'
import { Problem } from '#shared/problem.ts'
import type { Writes } from '#shared/writes.ts'
import type { OneTimeTokens } from '../accounts/one-time-tokens.ts'
import type { Account } from '../accounts/store.ts'
import type { IdentityConfig } from '../config.ts'
import type { SecondFactor } from '../mfa/second-factor.ts'
import { SECOND_STEP } from '../sessions/store.ts'
import { wrongCredentials } from './check.ts'
import type { Throttle } from './throttle.ts'

/** What was said beside the password and counts when the second factor has come. */
export interface Choice {
  tenant?: string
  cookies: boolean
}

export interface SecondStepParts {
  oneTimeTokens: OneTimeTokens
  secondFactor: Pick<SecondFactor, 'methodsOf' | 'verify'>
  throttle: Throttle
  writes: Pick<Writes, 'run'>
  config: Pick<IdentityConfig, 'SECOND_STEP_TTL_S'>
}

export type SecondStep = ReturnType<typeof createSecondStep>

/** RFC 8176: a recovery code is a one-time password, too. */
export const TWO_FACTORS = ['pwd', 'otp', 'mfa'] as const

/** What comes between the right password and a session, for accounts with a second factor. */
export function createSecondStep({ oneTimeTokens, secondFactor, throttle, writes, config }: SecondStepParts) {
  const required = (account: Account, mfa_token: string, detail?: string) =>
    new Problem('second-factor-required', {
      ...(detail === undefined ? {} : { detail }),
      headers: { 'www-authenticate': 'Bearer', 'cache-control': 'no-store' },
      extensions: { mfa_token, methods: secondFactor.methodsOf(account.id) },
    })

  return {
    isNeeded: (account: Account): boolean => secondFactor.methodsOf(account.id).length > 0,
    /** The refusal of a password alone; its `mfa_token` stands for the password until SECOND_STEP_TTL_S is over. */
    async ask(account: Account, choice: Choice, detail?: string): Promise<Problem> {
      const token = await writes.run(() =>
        oneTimeTokens.issue({
          purpose: SECOND_STEP,
          account: account.id,
          ttl_s: config.SECOND_STEP_TTL_S,
          detail: { ...choice },
          beside_others: true,
        }),
      )
      return required(account, token, detail)
    },
    /** The same refusal again, after a wrong code: the token is still good. */
    askAgain: (account: Account, token: string): Problem => required(account, token, WRONG_CODE),
    /** Whether it is a good code of the account's second factor. @throws Problem too-many-requests (429) */
    async isRight(request: FastifyRequest, account: Account, code: string): Promise<boolean> {
      const about = { target: `account:${account.id}`, detail: { method: 'code' } }
      request.auditEvent = { event: 'login.throttled', ...about }
      const attempt = await throttle.code(account.id)
      request.auditEvent = { event: 'second-factor.failed', ...about }
      const isRight = (await secondFactor.verify(account.id, code)) !== undefined
      if (isRight) await attempt.succeeded()
      return isRight
    },
    peek: (token: string) => oneTimeTokens.peek(SECOND_STEP, token),
    /** Uses the token up. @throws Problem unauthenticated when another request was faster */
    async finish(token: string): Promise<void> {
      const taken = await writes.run(() => oneTimeTokens.take(SECOND_STEP, token))
      if (taken === undefined) throw wrongCredentials()
    },
  }
}

export const WRONG_CODE = 'The code is wrong, used or too old'
