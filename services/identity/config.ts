import { commonSettings, integer, type CommonConfig, type Settings } from '#shared/config.ts'

export interface IdentityConfig extends CommonConfig {
  ACCESS_TOKEN_TTL_S: number
}

export const settings: Settings<IdentityConfig> = {
  ...commonSettings,
  ACCESS_TOKEN_TTL_S: integer(10, 3600).default(600).description('Time for which an access token is good'),
}
