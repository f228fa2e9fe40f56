import Joi from 'joi'
import { text, type Settings } from '../config.ts'

export interface SmtpConfig {
  SMTP_URL?: string
  MAIL_FROM: string
}

/** `name@host` or `Name <name@host>`. */
const SENDER = /^(?:[^<>\r\n]*<[^<>\s]+@[^<>\s]+>|[^<>\s]+@[^<>\s]+)$/

/** Settings of every process that sends mails. */
export const smtpSettings: Settings<SmtpConfig> = {
  SMTP_URL: text()
    .uri({ scheme: ['smtp', 'smtps'] })
    .messages({
      'string.uri': 'SMTP_URL is not an address; smtp:// or smtps:// with name and password percent-encoded',
    })
    .description(
      'Server that mails go out by: smtps://name:password@host:465 or smtp://...:587; none are sent without',
    ),
  MAIL_FROM: text().pattern(SENDER).default('Najimban <najimban@localhost>').description('Sender of all mails'),
}

export const EMAIL_MAX_LENGTH = 254

/**
 * An address that mails can go to. What is too long is looked at no further: to order 250,000 combining marks (UAX #15) takes
 * minutes, and nobody need be signed in to send them.
 * @param form what the address becomes
 */
export const emailAddress = (form: (text: string) => string = (text) => text) =>
  Joi.string()
    .max(EMAIL_MAX_LENGTH)
    .email({ tlds: false, ignoreLength: false })
    .custom(form)
    .prefs({ abortEarly: true })
    .example('person@example.com')
