import { integer, text, type Settings } from '#shared/config.ts'
import { defaultTimeZone } from '#shared/time-zone.ts'

export interface AccountsConfig {
  SIGNUP: 'open' | 'approval' | 'closed'
  SIGNUPS_PER_NETWORK_HOUR: number
  ACCOUNTS_MAX: number
  ACCOUNTS_LIST_MAX: number
  TENANTS_MAX: number
  UNVERIFIED_TTL_DAYS: number
  VERIFY_EMAIL_TTL_HOURS: number
  PASSWORD_RESET_TTL_MINUTES: number
  INVITATION_TTL_HOURS: number
  DEFAULT_LOCALE: string
  DEFAULT_TIME_ZONE: string
}

export const accountsSettings: Settings<AccountsConfig> = {
  SIGNUP: text()
    .valid('open', 'approval', 'closed')
    .default('open')
    .description(
      'Who may make an account: open: anybody; approval (the default in production): an administrator lets them in; closed: only administrators make accounts',
    ),
  SIGNUPS_PER_NETWORK_HOUR: integer(1, 100_000)
    .default(20)
    .description('Accounts that one network (IPv6: /64) may ask for in an hour; beyond: 429'),
  ACCOUNTS_MAX: integer(1, 1e7).default(100_000).description('Most accounts that signing up makes'),
  ACCOUNTS_LIST_MAX: integer(1, 1000).default(100).description('Most accounts and tenants in one list'),
  TENANTS_MAX: integer(1, 100_000).default(1000).description('Most tenants'),
  UNVERIFIED_TTL_DAYS: integer(1, 365)
    .default(7)
    .description('Time after which an account is deleted whose e-mail address nobody has confirmed'),
  VERIFY_EMAIL_TTL_HOURS: integer(1, 720)
    .default(48)
    .description('Time for which the link that confirms an e-mail address is good'),
  PASSWORD_RESET_TTL_MINUTES: integer(5, 1440)
    .default(60)
    .description('Time for which the link that resets a password is good'),
  INVITATION_TTL_HOURS: integer(1, 720)
    .default(168)
    .description('Time for which the link is good by which an invited person chooses a password'),
  DEFAULT_LOCALE: text().default('ko').description('Language of accounts that name none, such as ko or en'),
  DEFAULT_TIME_ZONE: defaultTimeZone(),
}
