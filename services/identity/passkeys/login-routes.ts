import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { FastifyRequest } from 'fastify'
import type { Logger } from '#shared/logger.ts'
import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { Account, AccountStore } from '../accounts/store.ts'
import type { OpenSession } from '../sessions/open.ts'
import { signedSchema } from '../sessions/schema.ts'
import type { Challenges } from './challenges.ts'
import { requireHostName } from './host-name.ts'
import { challengeOf, PasskeyRefused, type RelyingParty } from './relying-party.ts'
import { loginSchema, webauthnOptions } from './schema.ts'
import type { Passkey, PasskeyStore } from './store.ts'

export interface PasskeyLoginParts {
  accounts: AccountStore
  passkeys: PasskeyStore
  challenges: Challenges
  relyingParty: RelyingParty
  openSession: OpenSession
  writes: Writes
  logger: Logger
}

/** Methods of RFC 8176: a key in hardware or one that is synchronized between devices, a person present, two factors in one. */
const amrOf = ({ device_type }: Passkey): string[] => [device_type === 'singleDevice' ? 'hwk' : 'swk', 'user', 'mfa']

/** Sign in by passkey, without a name or a password. */
export const passkeyLoginRoutes = (parts: PasskeyLoginParts) => async (app: App) => {
  const { accounts, passkeys, challenges, relyingParty, openSession, writes, logger } = parts
  const tags = ['login']

  /** One answer for all: whether a credential, its account or only the signature is unknown stays unsaid. */
  function refuse(request: FastifyRequest, reason: string, passkey?: Passkey): Problem {
    logger.info({ requestId: request.id, reason }, 'a passkey was refused')
    request.auditEvent = {
      event: 'login.failed',
      ...(passkey === undefined ? {} : { target: `account:${passkey.account_id}` }),
      detail: { method: 'passkey' },
    }
    return new Problem('unauthenticated', { detail: 'This passkey does not sign you in' })
  }

  /** Whose passkey signed this challenge; the challenge is used up, whatever comes of it. */
  async function signerOf(
    request: FastifyRequest,
    credential: AuthenticationResponseJSON,
  ): Promise<[Account, Passkey]> {
    const challenge = challengeOf(credential)
    if (challenge === undefined || !challenges.isForLogin(challenge)) throw refuse(request, 'unknown challenge')
    if (!(await writes.run(() => challenges.takeLogin(challenge)))) throw refuse(request, 'used challenge')
    const passkey = passkeys.byCredential(credential.id)
    if (passkey === undefined) throw refuse(request, 'unknown credential')
    try {
      const { counter, backed_up } = await relyingParty.verifyLogin(credential, challenge, passkey)
      const account = accounts.find(passkey.account_id)
      if (account?.state !== 'approved') throw new PasskeyRefused('the account is not approved')
      const isNewer = await writes.run(() => passkeys.used(passkey.id, counter, backed_up))
      if (!isNewer) {
        const problem = refuse(request, 'the counter went back', passkey)
        request.auditEvent = {
          event: 'passkey.counter-regressed',
          target: `passkey:${passkey.id}`,
          detail: { account: passkey.account_id, stored: passkey.counter, sent: counter },
        }
        throw problem
      }
      return [account, passkey]
    } catch (error) {
      throw error instanceof PasskeyRefused ? refuse(request, error.message, passkey) : error
    }
  }

  app.post(
    '/api/auth/passkeys/login/options',
    {
      config: { etag: false },
      schema: { tags, summary: 'What a browser needs to sign in by passkey', response: { 200: webauthnOptions } },
    },
    async (_request, reply) => {
      requireHostName(relyingParty)
      const options = await relyingParty.loginOptions()
      const challenge = await writes.run(challenges.forLogin)
      return reply.header('cache-control', 'no-store').send({ ...options, challenge })
    },
  )

  app.post(
    '/api/auth/passkeys/login',
    {
      config: { etag: false },
      schema: { tags, summary: 'Signs in by passkey', body: loginSchema, response: { 200: signedSchema } },
    },
    async (request, reply) => {
      const { credential, tenant, cookies } = request.body
      const [account, passkey] = await signerOf(request, credential)
      return openSession(request, reply, account, {
        amr: amrOf(passkey),
        ...(tenant === undefined ? {} : { tenant }),
        ...(cookies === undefined ? {} : { cookies }),
      })
    },
  )
}
