import Joi from 'joi'
import { integer, text, type Settings } from '#shared/config.ts'

export interface MailConfig {
  SMTP_URL?: string
  MAIL_FROM: string
  MAIL_QUEUE_MAX: number
  MAIL_CONNECTIONS_MAX: number
  MAIL_RETRY_MS: number
  MAIL_RETRY_HOURS: number
  MAIL_PER_ADDRESS_HOUR: number
  MAIL_PER_NETWORK_HOUR: number
}

/** `name@host` or `Name <name@host>`. */
const SENDER = /^(?:[^<>\r\n]*<[^<>\s]+@[^<>\s]+>|[^<>\s]+@[^<>\s]+)$/

export const mailSettings: Settings<MailConfig> = {
  SMTP_URL: text()
    .uri({ scheme: ['smtp', 'smtps'] })
    .messages({
      'string.uri': 'SMTP_URL is not an address; smtp:// or smtps:// with name and password percent-encoded',
    })
    .description(
      'Server that mails go out by: smtps://name:password@host:465 or smtp://...:587; none are sent without',
    ),
  MAIL_FROM: text().pattern(SENDER).default('Najimban <najimban@localhost>').description('Sender of all mails'),
  MAIL_QUEUE_MAX: integer(1, 1e6).default(10_000).description('Mails that may wait to be sent; beyond: 503'),
  MAIL_CONNECTIONS_MAX: integer(1, 100).default(4).description('Mails that are sent at the same time'),
  MAIL_RETRY_MS: integer(10, 3_600_000)
    .default(30_000)
    .description('Wait before a mail is sent again that was not taken; doubles, up to an hour'),
  MAIL_RETRY_HOURS: integer(1, 168).default(24).description('Time after which a mail that nobody takes is given up'),
  MAIL_PER_ADDRESS_HOUR: integer(1, 1000)
    .default(5)
    .description('Mails in an hour that strangers may have sent to one address'),
  MAIL_PER_NETWORK_HOUR: integer(1, 100_000)
    .default(30)
    .description('Mails in an hour that one network (IPv6: /64) may ask for without signing in; beyond: 429'),
}

/**
 * An address that mails can go to, in the form in which accounts have it. What is too long is looked at no further: to order
 * 250,000 combining marks (UAX #15) takes minutes, and nobody need be signed in to send them.
 */
export const EMAIL_MAX_LENGTH = 254
export const emailAddress = (form: (text: string) => string) =>
  Joi.string()
    .max(EMAIL_MAX_LENGTH)
    .email({ tlds: false, ignoreLength: false })
    .custom(form)
    .prefs({ abortEarly: true })
    .example('person@example.com')
