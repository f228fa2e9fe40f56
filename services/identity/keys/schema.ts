import Joi from 'joi'
import { ROLES, SCOPES, type Role } from '#shared/permissions.ts'

export interface KeyInput {
  name: string
  role: Role
  /** Separated by spaces; absent for all that the role reaches. */
  scope?: string
  /** ISO 8601 in UTC; null for never. */
  expires_at: string | null
}

export interface RotateInput {
  /** Seconds for which the old key is good beside the new one. */
  overlap_s: number
  /** ISO 8601 in UTC; null for never, absent for as long as the old one was given. */
  expires_at?: string | null
}

export interface ListQuery {
  limit: number
  cursor?: string
}

export interface ById {
  Params: { id: string }
}

const SCOPE_MAX_LENGTH = 500
const CURSOR_MAX_LENGTH = 500

const name = () => Joi.string().trim().min(1).max(100)

const scopes = () =>
  Joi.string()
    .max(SCOPE_MAX_LENGTH)
    .custom((value: string, helpers) => {
      const named = new Set(value.split(' '))
      const known = SCOPES.filter((scope) => named.has(scope))
      return known.length === named.size ? known.join(' ') : helpers.error('scope')
    })
    .messages({ scope: `{{#label}} must be of ${SCOPES.join(', ')}, separated by single spaces` })
    .example('calendar:read calendar:write')

const expiry = () =>
  Joi.string()
    .custom((value: string, helpers) => {
      try {
        const instant = Temporal.Instant.from(value)
        if (instant.epochMilliseconds <= Date.now()) return helpers.error('past')
        return instant.toString({ smallestUnit: 'millisecond' })
      } catch {
        return helpers.error('instant')
      }
    })
    .messages({
      past: '{{#label}} must be in the future',
      instant: '{{#label}} must be an ISO 8601 date and time with Z or an offset',
    })
    .allow(null)
    .example('2027-01-31T00:00:00.000Z')

export const create = Joi.object<KeyInput, true>({
  name: name().required(),
  role: Joi.string()
    .valid(...ROLES)
    .default('viewer'),
  scope: scopes(),
  expires_at: expiry().default(null),
})
  .required()
  .label('body')

export const rename = Joi.object<Pick<KeyInput, 'name'>, true>({ name: name().required() }).required().label('body')

export interface KeyLimits {
  API_KEYS_LIST_MAX: number
  API_KEY_OVERLAP_S: number
  API_KEY_OVERLAP_MAX_S: number
}

export const list = ({ API_KEYS_LIST_MAX: most }: Pick<KeyLimits, 'API_KEYS_LIST_MAX'>) =>
  Joi.object<ListQuery, true>({
    limit: Joi.number().integer().min(1).max(most).default(most),
    cursor: Joi.string().max(CURSOR_MAX_LENGTH).description('next_cursor of the page before'),
  })

export const rotate = ({ API_KEY_OVERLAP_S: standard, API_KEY_OVERLAP_MAX_S: most }: KeyLimits) =>
  Joi.object<RotateInput, true>({
    overlap_s: Joi.number().integer().min(0).max(most).default(Math.min(standard, most)),
    expires_at: expiry(),
  })
    .default({ overlap_s: Math.min(standard, most) })
    .label('body')

const instant = () => Joi.string().isoDate()

export const key = Joi.object({
  id: Joi.string().description('Also the second part of the key itself: njm_<id>_...'),
  name: Joi.string(),
  tenant: Joi.string(),
  role: Joi.string().valid(...ROLES),
  scope: Joi.string(),
  rotated_to: Joi.string().allow(null).description('The key that takes its place'),
  created_at: instant(),
  expires_at: instant().allow(null),
  last_used_at: instant().allow(null).description('To the minute'),
}).label('Key')

export const newKey = key.keys({ key: Joi.string().description('The key itself, shown this once') }).label('NewKey')
export const keys = Joi.object({ keys: Joi.array().items(key), next_cursor: Joi.string() }).label('Keys')
