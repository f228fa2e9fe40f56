import type { FastifyReply, FastifyRequest } from 'fastify'
import Joi from 'joi'
import { Problem } from '#shared/problem.ts'
import type { Writes } from '#shared/writes.ts'
import type { Mailer } from '../mail/mailer.ts'
import { languageOf } from '#shared/language.ts'
import { email } from './fields.ts'
import { byAddress, type StrangerLimits } from './limits.ts'

export interface AskParts {
  mailer: Mailer
  limits: StrangerLimits
  writes: Writes
}

export const addressSchema = Joi.object<{ email: string }, true>({ email: email().required() }).required().label('body')

export const acceptedSchema = Joi.object({ status: Joi.string().valid('accepted'), detail: Joi.string() }).label(
  'Accepted',
)

/** The same for everybody, so that nobody learns which addresses have accounts. */
export const ACCEPTED = {
  status: 202,
  body: { status: 'accepted', detail: 'What comes next is in the mail that was sent to this address' },
}

/**
 * Has a mail sent to an address that may be nobody's: the answer and the work until then are the same. Whether there is an
 * account is found out when the mail is about to be sent.
 */
export const askForMail =
  ({ mailer, limits, writes }: AskParts) =>
  (request: FastifyRequest, reply: FastifyReply, template: 'verify-email' | 'set-password', to: string) => {
    if (!mailer.enabled) {
      throw new Problem('forbidden', { detail: 'No mails are sent here; an administrator can give out a link' })
    }
    const { ip } = request.caller
    return writes.answer(request, reply, byAddress(to), () => {
      if (limits.takeMail(to, ip)) mailer.post({ template, to, locale: languageOf(request.headers, {}) })
      return ACCEPTED
    })
  }
