import { commonSettings, integer, type CommonConfig, type Settings } from '#shared/config.ts'
import { keyringSettings, type KeyringConfig } from '#shared/keyring.ts'

export interface IdentityConfig extends CommonConfig, KeyringConfig {
  ACCESS_TOKEN_TTL_S: number
  SIGNING_KEY_ROTATE_DAYS: number
  SIGNING_KEY_PUBLISH_AHEAD_S: number
  REVOCATION_KEEP_S: number
  REVOCATION_FEEDS_MAX: number
}

export const settings: Settings<IdentityConfig> = {
  ...commonSettings,
  ...keyringSettings,
  ACCESS_TOKEN_TTL_S: integer(10, 3600).default(600).description('Time for which an access token is good'),
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
}
