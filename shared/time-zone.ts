import Joi from 'joi'
import { text } from './config.ts'

/** The IANA zone of that name, letter case mended; undefined for an unknown one and for a bare offset. */
export function zoneNamed(name: string): string | undefined {
  if (!/^[a-z]/i.test(name)) return undefined
  try {
    return new Temporal.ZonedDateTime(0n, name).timeZoneId
  } catch {
    return undefined
  }
}

/** A time zone in a request. */
export const timeZone = () =>
  Joi.string()
    .custom((value: string, helpers) => zoneNamed(value) ?? helpers.error('zone'))
    .messages({ zone: '{{#label}} must be an IANA time zone such as Asia/Seoul' })
    .example('Asia/Seoul')

/** The setting DEFAULT_TIME_ZONE of the services that know users. */
export const defaultTimeZone = () =>
  text()
    .default('Asia/Seoul')
    .custom(
      (value: string, helpers) =>
        zoneNamed(value) ??
        helpers.message({ custom: 'DEFAULT_TIME_ZONE must be an IANA time zone such as Asia/Seoul' }),
    )
    .description('IANA time zone of users who name none')
