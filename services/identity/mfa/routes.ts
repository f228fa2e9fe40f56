import { userOf } from '#shared/caller.ts'
import { invalidField, Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { TellOwner } from '../accounts/security-notes.ts'
import type { Throttle } from '../login/throttle.ts'
import type { PasskeyStore } from '../passkeys/store.ts'
import type { SamePerson } from './same-person.ts'
import { beginAnswer, codesAnswer, codeSchema, factorsAnswer, passwordSchema } from './schema.ts'
import type { SecondFactor } from './second-factor.ts'
import type { MfaStore } from './store.ts'
import { newTotpSecret, totpText, totpUri } from './totp.ts'

export interface MfaParts {
  store: MfaStore
  passkeys: Pick<PasskeyStore, 'count'>
  secondFactor: SecondFactor
  samePerson: SamePerson
  throttle: Throttle
  tellOwner: TellOwner
  writes: Writes
}

const ISSUER = 'Najimban'
const SECRETS = { sensitive: true } as const
const NO_STORE = ['cache-control', 'no-store'] as const

const notEnabled = () => new Problem('conflict', { detail: 'There is no authenticator app' })

/** The second step of one's own logins: an authenticator app, and recovery codes for the day on which it is lost. */
export const mfaRoutes = (parts: MfaParts) => async (app: App) => {
  const { store, passkeys, secondFactor, samePerson, throttle, tellOwner, writes } = parts
  const tags = ['second factor']
  const config = { etag: false }

  app.get(
    '/api/auth/second-factors',
    { schema: { tags, summary: 'How the second step of a login can be passed', response: { 200: factorsAnswer } } },
    (request, reply) => {
      const account = userOf(request)
      const confirmed_at = store.confirmedAt(account)
      return reply.send({
        methods: secondFactor.methodsOf(account),
        totp: { enabled: confirmed_at !== undefined, ...(confirmed_at === undefined ? {} : { confirmed_at }) },
        recovery_codes: { remaining: store.countCodes(account) },
        passkeys: { count: passkeys.count(account) },
      })
    },
  )

  app.post(
    '/api/auth/totp',
    {
      config,
      schema: {
        tags,
        summary: 'A secret for an authenticator app; nothing asks for its codes before they are confirmed',
        body: passwordSchema,
        response: { 200: beginAnswer },
      },
    },
    async (request, reply) => {
      const account = await samePerson(request, request.body.password)
      if (account.password_hash === null) {
        throw new Problem('conflict', { detail: 'Codes are asked for after a password, and this account has none' })
      }
      const secret = newTotpSecret()
      const body = { secret: totpText(secret), uri: totpUri(secret, { issuer: ISSUER, label: account.email }) }
      const begin = () => {
        if (store.confirmedAt(account.id) !== undefined) {
          throw new Problem('conflict', { detail: 'There is an authenticator app already: remove it first' })
        }
        store.begin(account.id, secret)
        request.auditEvent = { event: 'totp.begun', target: `account:${account.id}` }
        return { status: 200, body }
      }
      return writes.answer(request, reply.header(...NO_STORE), account.id, begin, SECRETS)
    },
  )

  app.post(
    '/api/auth/totp/confirm',
    {
      config,
      schema: {
        tags,
        summary: 'Switch codes on with the first one; answers recovery codes, once',
        body: codeSchema,
        response: { 200: codesAnswer },
      },
    },
    async (request, reply) => {
      const account = userOf(request)
      request.auditEvent = { event: 'second-factor.throttled', target: `account:${account}` }
      const attempt = await throttle.code(account)
      delete request.auditEvent
      let isRight: boolean | undefined
      const confirm = () => {
        if (store.confirmedAt(account) !== undefined) {
          throw new Problem('conflict', { detail: 'The authenticator app is confirmed already' })
        }
        if (store.totp(account) === undefined) throw notEnabled()
        request.auditEvent = { event: 'second-factor.failed', target: `account:${account}` }
        isRight = secondFactor.takeCode(account, request.body.code)
        if (!isRight) throw invalidField('body', 'code', 'This code is not right')
        store.confirm(account)
        tellOwner(account, 'second-factor-added')
        request.auditEvent = { event: 'totp.enabled', target: `account:${account}` }
        return { status: 200, body: { recovery_codes: secondFactor.renewCodes(account) } }
      }
      try {
        return await writes.answer(request, reply.header(...NO_STORE), account, confirm, SECRETS)
      } finally {
        // A conflict and the repeated answer of a request that was answered before say nothing about a code.
        if (isRight === true) await attempt.succeeded()
        else if (isRight === undefined) await attempt.undone()
      }
    },
  )

  app.delete(
    '/api/auth/totp',
    { config, schema: { tags, summary: 'Switch codes off; needs the password again', body: passwordSchema } },
    async (request, reply) => {
      const account = await samePerson(request, request.body.password)
      return writes.answer(request, reply, account.id, () => {
        if (store.totp(account.id) === undefined) throw notEnabled()
        if (store.confirmedAt(account.id) !== undefined) tellOwner(account.id, 'second-factor-removed')
        store.remove(account.id)
        request.auditEvent = { event: 'totp.disabled', target: `account:${account.id}` }
        return { status: 204 }
      })
    },
  )

  app.post(
    '/api/auth/recovery-codes',
    {
      config,
      schema: {
        tags,
        summary: 'A new set of recovery codes, and the old one is void; needs the password again',
        body: passwordSchema,
        response: { 200: codesAnswer },
      },
    },
    async (request, reply) => {
      const account = await samePerson(request, request.body.password)
      const renew = () => {
        if (store.confirmedAt(account.id) === undefined) throw notEnabled()
        tellOwner(account.id, 'recovery-codes-renewed')
        request.auditEvent = { event: 'recovery-codes.renewed', target: `account:${account.id}` }
        return { status: 200, body: { recovery_codes: secondFactor.renewCodes(account.id) } }
      }
      return writes.answer(request, reply.header(...NO_STORE), account.id, renew, SECRETS)
    },
  )
}
