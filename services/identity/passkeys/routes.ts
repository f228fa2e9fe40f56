import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import type { FastifyRequest } from 'fastify'
import { userOf } from '#shared/caller.ts'
import { etagOf, requireMatch } from '#shared/etag.ts'
import type { Logger } from '#shared/logger.ts'
import { invalidField, Problem } from '#shared/problem.ts'
import type { Owner } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import type { TellOwner } from '../accounts/security-notes.ts'
import type { IdentityConfig } from '../config.ts'
import type { SamePerson } from '../mfa/same-person.ts'
import { passwordSchema } from '../mfa/schema.ts'
import type { Challenges } from './challenges.ts'
import { requireHostName } from './host-name.ts'
import { challengeOf, PasskeyRefused, type RelyingParty } from './relying-party.ts'
import {
  passkeyAnswer,
  passkeyParams,
  passkeysAnswer,
  registerSchema,
  renameSchema,
  webauthnOptions,
} from './schema.ts'
import type { NewPasskey, PasskeyStore } from './store.ts'

export interface PasskeyParts {
  passkeys: PasskeyStore
  challenges: Challenges
  relyingParty: RelyingParty
  samePerson: SamePerson
  tellOwner: TellOwner
  writes: Writes
  logger: Logger
  config: Pick<IdentityConfig, 'PASSKEYS_MAX'>
}

const JSON_TYPE = 'application/json; charset=utf-8'
const notFound = () => new Problem('not-found', { detail: 'Passkey not found' })

/** The passkeys of one's own account. */
export const passkeyRoutes = (parts: PasskeyParts) => async (app: App) => {
  const { passkeys, challenges, relyingParty, samePerson, tellOwner, writes, logger, config } = parts
  const tags = ['passkeys']

  function requireRoom(account: Owner): void {
    if (passkeys.count(account) < config.PASSKEYS_MAX) return
    throw new Problem('conflict', { detail: `An account has at most ${config.PASSKEYS_MAX} passkeys (PASSKEYS_MAX)` })
  }

  /** One answer for a wrong signature and for a credential that somebody else has. */
  function refuse(request: FastifyRequest, reason: string): Problem {
    logger.info({ requestId: request.id, reason }, 'a passkey was refused')
    return invalidField('body', 'credential', 'This passkey cannot be added')
  }

  /** What the authenticator made, checked; or why not, to be thrown where a repeated request does not get to. */
  async function madeBy(
    request: FastifyRequest,
    credential: RegistrationResponseJSON,
    challenge: string,
  ): Promise<Omit<NewPasskey, 'name'> | Problem> {
    try {
      return await relyingParty.verifyRegistration(credential, challenge)
    } catch (error) {
      if (error instanceof PasskeyRefused) return refuse(request, error.message)
      throw error
    }
  }

  /** Guards of a write to one passkey, inside its transaction. */
  function requirePasskey(request: FastifyRequest, account: Owner, id: string): void {
    const text = passkeys.read(account, id)
    if (text === undefined) throw notFound()
    const field = request.headers['if-match']
    if (field !== undefined) requireMatch(field, etagOf(text))
  }

  app.post(
    '/api/auth/passkeys/options',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'What a browser needs to make a passkey; needs the password again',
        body: passwordSchema,
        response: { 200: webauthnOptions },
      },
    },
    async (request, reply) => {
      requireHostName(relyingParty)
      const account = await samePerson(request, request.body.password)
      const options = await relyingParty.registrationOptions(account, passkeys.descriptors(account.id))
      void reply.header('cache-control', 'no-store')
      return writes.answer(
        request,
        reply,
        account.id,
        () => {
          requireRoom(account.id)
          return { status: 200, body: { ...options, challenge: challenges.forRegistration(account.id) } }
        },
        { sensitive: true },
      )
    },
  )

  app.post(
    '/api/auth/passkeys',
    { schema: { tags, summary: 'Add a passkey', body: registerSchema, response: { 201: passkeyAnswer } } },
    async (request, reply) => {
      const account = userOf(request)
      const { credential, name } = request.body
      const challenge = challengeOf(credential) ?? ''
      const made = await madeBy(request, credential, challenge)
      return writes.answer(request, reply, account, () => {
        if (!challenges.takeRegistration(account, challenge)) throw refuse(request, 'unknown challenge')
        if (made instanceof Problem) throw made
        requireRoom(account)
        const text = passkeys.insert(account, { ...made, name })
        if (text === undefined) throw refuse(request, 'registered already')
        const { id } = JSON.parse(text) as { id: string }
        tellOwner(account, 'passkey-added')
        request.auditEvent = { event: 'passkey.added', target: `passkey:${id}` }
        return { status: 201, body: text }
      })
    },
  )

  app.get(
    '/api/auth/passkeys',
    { schema: { tags, summary: 'The own passkeys, the oldest first', response: { 200: passkeysAnswer } } },
    async (request, reply) => reply.type(JSON_TYPE).send(await passkeys.list(userOf(request))),
  )

  app.patch(
    '/api/auth/passkeys/:id',
    {
      schema: {
        tags,
        summary: 'Name a passkey',
        params: passkeyParams,
        body: renameSchema,
        response: { 200: passkeyAnswer },
      },
    },
    (request, reply) => {
      const account = userOf(request)
      const { id } = request.params
      return writes.answer(request, reply, account, () => {
        requirePasskey(request, account, id)
        request.auditEvent = { event: 'passkey.renamed', target: `passkey:${id}` }
        return { status: 200, body: passkeys.rename(account, id, request.body.name) }
      })
    },
  )

  app.delete(
    '/api/auth/passkeys/:id',
    {
      schema: {
        tags,
        summary: 'Remove a passkey; needs the password again',
        params: passkeyParams,
        body: passwordSchema,
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const account = await samePerson(request, request.body.password)
      return writes.answer(request, reply, account.id, () => {
        requirePasskey(request, account.id, id)
        if (account.password_hash === null && passkeys.count(account.id) === 1) {
          throw new Problem('conflict', { detail: 'This is the only way to sign in to the account' })
        }
        passkeys.remove(account.id, id)
        tellOwner(account.id, 'passkey-removed')
        request.auditEvent = { event: 'passkey.removed', target: `passkey:${id}` }
        return { status: 204 }
      })
    },
  )
}
