import { integer, type Settings } from '#shared/config.ts'
import { smtpSettings, type SmtpConfig } from '#shared/mail/settings.ts'

export interface MailConfig extends SmtpConfig {
  MAIL_QUEUE_MAX: number
  MAIL_CONNECTIONS_MAX: number
  MAIL_RETRY_MS: number
  MAIL_RETRY_HOURS: number
  MAIL_PER_ADDRESS_HOUR: number
  MAIL_PER_NETWORK_HOUR: number
}

export const mailSettings: Settings<MailConfig> = {
  ...smtpSettings,
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
