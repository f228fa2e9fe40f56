import { commonSettings, integer, type CommonConfig, type Settings } from '#shared/config.ts'
import { keyringSettings, type KeyringConfig } from '#shared/keyring.ts'
import { origins } from '#shared/origins.ts'
import { accountsSettings, type AccountsConfig } from './accounts/settings.ts'
import { mailSettings, type MailConfig } from './mail/settings.ts'

export interface IdentityConfig extends CommonConfig, KeyringConfig, AccountsConfig, MailConfig {
  AUDIT_PAGE_MAX: number
  AUDIT_CHECKPOINT_MS: number
  AUDIT_LOG_RETAIN_DAYS: number
  ACCESS_TOKEN_TTL_S: number
  PASSWORD_HASHES_AT_ONCE?: number
  PASSWORD_HASHES_WAITING: number
  PASSWORD_MIN_LENGTH: number
  PASSWORD_MAX_LENGTH: number
  LOGIN_TRIES_PAIR: number
  LOGIN_TRIES_ACCOUNT: number
  LOGIN_TRIES_NETWORK: number
  LOGIN_TRIES_CODE: number
  LOGIN_TRIES_HOURS: number
  LOGIN_DELAY_MAX_S: number
  LOGIN_KNOWN_DAYS: number
  SECOND_STEP_TTL_S: number
  SESSION_TTL_DAYS: number
  SESSION_IDLE_DAYS: number
  SESSIONS_MAX: number
  REFRESH_REUSE_GRACE_S: number
  SETUP_TOKEN_TTL_H: number
  API_KEYS_MAX: number
  TENANT_KEYS_MAX: number
  API_KEYS_LIST_MAX: number
  API_KEY_OVERLAP_S: number
  API_KEY_OVERLAP_MAX_S: number
  APP_PASSWORDS_MAX: number
  SIGNING_KEY_ROTATE_DAYS: number
  SIGNING_KEY_PUBLISH_AHEAD_S: number
  REVOCATION_KEEP_S: number
  REVOCATION_FEEDS_MAX: number
  FRESH_SESSION_S: number
  PASSKEYS_MAX: number
  PASSKEY_CHALLENGE_TTL_S: number
  WEBAUTHN_ORIGINS: string[]
  OAUTH_CODE_TTL_S: number
  OAUTH_DEVICE_CODE_TTL_S: number
  OAUTH_INTERACTION_TTL_S: number
  OAUTH_SESSION_TTL_DAYS: number
  OAUTH_REFRESH_TTL_DAYS: number
  OAUTH_GRANT_TTL_DAYS: number
  OAUTH_CLIENTS_MAX: number
  OAUTH_CLIENTS_LIST_MAX: number
}

export const settings: Settings<IdentityConfig> = {
  ...commonSettings,
  AUDIT_PAGE_MAX: integer(1, 10_000).default(1000).description('Most rows in one answer of the audit log'),
  AUDIT_CHECKPOINT_MS: integer(1, 60_000)
    .default(200)
    .description('Longest time for which the rows that were added last could be cut off without a trace'),
  AUDIT_LOG_RETAIN_DAYS: integer(1, 36_500).default(365).description('Age at which rows of the audit log are deleted'),
  ...keyringSettings,
  ...accountsSettings,
  ...mailSettings,
  ACCESS_TOKEN_TTL_S: integer(10, 3600).default(600).description('Time for which an access token is good'),
  PASSWORD_HASHES_AT_ONCE: integer(1, 1024).description(
    'Passwords that are hashed at the same time, 19 MiB and a core each; without it one a core and at most 3, for more see UV_THREADPOOL_SIZE',
  ),
  PASSWORD_HASHES_WAITING: integer(0, 100_000)
    .default(100)
    .description('Passwords that may wait for their turn to be hashed; beyond: 503'),
  PASSWORD_MIN_LENGTH: integer(8, 64).default(8).description('Fewest characters of a new password'),
  PASSWORD_MAX_LENGTH: integer(64, 1024).default(128).description('Most characters of a new password'),
  LOGIN_TRIES_PAIR: integer(1, 1000)
    .default(5)
    .description('Wrong passwords for an account from one network before each further one must wait, twice as long'),
  LOGIN_TRIES_ACCOUNT: integer(1, 10_000)
    .default(20)
    .description('The same for an account from all networks where nobody has signed in to it before'),
  LOGIN_TRIES_NETWORK: integer(1, 100_000).default(200).description('The same for a network and all accounts'),
  LOGIN_TRIES_CODE: integer(1, 100).default(5).description('The same for codes of the second factor of an account'),
  LOGIN_TRIES_HOURS: integer(1, 720).default(24).description('Time in which these tries are given back, one by one'),
  LOGIN_DELAY_MAX_S: integer(1, 86_400).default(900).description('Longest wait before the next try to sign in'),
  LOGIN_KNOWN_DAYS: integer(1, 3650)
    .default(90)
    .description('Time for which a network is known as one from which somebody has signed in to an account'),
  SECOND_STEP_TTL_S: integer(30, 3600)
    .default(300)
    .description('Time between the password and the second factor of a login'),
  SESSION_TTL_DAYS: integer(1, 3650)
    .default(30)
    .description('Time after which a session ends, however much it is used'),
  SESSION_IDLE_DAYS: integer(1, 3650).default(14).description('Time after which a session ends that nobody has used'),
  SESSIONS_MAX: integer(1, 1000).default(20).description('Sessions of an account; the least used one makes room'),
  REFRESH_REUSE_GRACE_S: integer(0, 60)
    .default(0)
    .description(
      'Time in which a refresh token may come twice, for clients that lose answers; later: the session ends',
    ),
  SETUP_TOKEN_TTL_H: integer(1, 720)
    .default(24)
    .description('Time for which the token of the first administrator is good; a restart prints a new one'),
  API_KEYS_MAX: integer(1, 10_000).default(50).description('Most API keys of one account'),
  TENANT_KEYS_MAX: integer(1, 100_000).default(1000).description('Most API keys of a tenant itself'),
  API_KEYS_LIST_MAX: integer(1, 1000).default(100).description('Most API keys in one list'),
  API_KEY_OVERLAP_S: integer(0, 31_536_000)
    .default(86_400)
    .description('Time for which a rotated API key stays good beside the new one'),
  API_KEY_OVERLAP_MAX_S: integer(0, 31_536_000).default(2_592_000).description('The most that may be asked for'),
  APP_PASSWORDS_MAX: integer(1, 1000).default(20).description('Most app passwords of one account'),
  SIGNING_KEY_ROTATE_DAYS: integer(1, 3650)
    .default(30)
    .description('Age at which the key that signs tokens is replaced'),
  SIGNING_KEY_PUBLISH_AHEAD_S: integer(0, 604_800)
    .default(3600)
    .description('Time for which a new signing key is published before it signs, so that all who verify know it'),
  REVOCATION_KEEP_S: integer(60, 604_800)
    .default(7200)
    .description('Time for which gateways are told of a revocation; never less than an access token is good'),
  REVOCATION_FEEDS_MAX: integer(1, 10_000).default(100).description('Gateways that may wait for revocations at once'),
  FRESH_SESSION_S: integer(10, 86_400)
    .default(600)
    .description('Age of a session up to which an account without a password may change how it signs in'),
  PASSKEYS_MAX: integer(1, 1000).default(20).description('Most passkeys of one account'),
  PASSKEY_CHALLENGE_TTL_S: integer(30, 3600)
    .default(300)
    .description('Time in which a passkey must be made or used after the browser was asked'),
  WEBAUTHN_ORIGINS: origins('WEBAUTHN_ORIGINS')
    .default(['http://localhost:4000'])
    .description('Origins beside PUBLIC_URL whose pages may use passkeys; only those on its host or below it count'),
  OAUTH_CODE_TTL_S: integer(5, 600)
    .default(60)
    .description('Time in which an application must use an authorization code'),
  OAUTH_DEVICE_CODE_TTL_S: integer(60, 3600)
    .default(600)
    .description('Time in which the code that a device shows must be entered'),
  OAUTH_INTERACTION_TTL_S: integer(60, 86_400)
    .default(1800)
    .description('Time for signing in and allowing an application'),
  OAUTH_SESSION_TTL_DAYS: integer(1, 365)
    .default(14)
    .description('Idle time after which a browser must sign in again for applications'),
  OAUTH_REFRESH_TTL_DAYS: integer(1, 365)
    .default(30)
    .description('Time in which an application must use its refresh token'),
  OAUTH_GRANT_TTL_DAYS: integer(1, 3650)
    .default(365)
    .description('Time after which an application must be allowed anew'),
  OAUTH_CLIENTS_MAX: integer(1, 100_000).default(200).description('Most applications of one tenant'),
  OAUTH_CLIENTS_LIST_MAX: integer(1, 1000).default(100).description('Most applications in one list'),
}
