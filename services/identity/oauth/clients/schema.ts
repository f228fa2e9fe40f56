import Joi from 'joi'
import { ROLES, type Role } from '#shared/permissions.ts'
import { OAUTH_SCOPES } from '../scopes.ts'

export const GRANT_TYPES = [
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
] as const
export type GrantType = (typeof GRANT_TYPES)[number]

export const AUTH_METHODS = ['client_secret_basic', 'client_secret_post', 'none'] as const

/** An application as administrators register it; names as in RFC 7591 section 2 where they exist. */
export interface ClientInput {
  name: string
  redirect_uris: string[]
  post_logout_redirect_uris: string[]
  grant_types: GrantType[]
  token_endpoint_auth_method: (typeof AUTH_METHODS)[number]
  application_type: 'web' | 'native'
  /** What it may ask for at most, separated by spaces. */
  scope: string
  /** Ours: people of its tenant are not asked whether they allow it. */
  first_party: boolean
  /** What it may do in its own name, with client_credentials. */
  role: Role | null
}

const URIS_MAX = 20
const URI_MAX_LENGTH = 2000
const LOOPBACK_HOSTS = ['localhost', '127.0.0.1', '[::1]']

/**
 * An address to which people are sent back: compared character by character later, so only one that parses to itself is
 * taken. https, or http on this machine (RFC 8252 7.3); no fragment (RFC 6749 3.1.2), no wildcard, no user.
 */
function redirectUri(value: string, helpers: Joi.CustomHelpers): string | Joi.ErrorReport {
  const fault = (message: string) => helpers.message({ custom: `{{#label}} ${message}` })
  const url = URL.parse(value)
  if (url === null) return fault('is not an absolute address')
  if (url.href !== value && url.href !== `${value}/`) return fault('is not in its normal form')
  if (value.includes('#')) return fault('must not have a fragment')
  if (value.includes('*')) return fault('must not have a wildcard')
  if (url.username !== '' || url.password !== '') return fault('must not have a user')
  const isLoopback = url.protocol === 'http:' && LOOPBACK_HOSTS.includes(url.hostname)
  if (url.protocol !== 'https:' && !isLoopback) return fault('must be https, or http on localhost')
  return value
}

const uris = () =>
  Joi.array()
    .items(Joi.string().max(URI_MAX_LENGTH).custom(redirectUri))
    .max(URIS_MAX)
    .unique()
    .example(['https://app.example.com/callback'])

function scopes(value: string, helpers: Joi.CustomHelpers): string | Joi.ErrorReport {
  const names = value.split(' ')
  const unknown = names.filter((name) => !(OAUTH_SCOPES as readonly string[]).includes(name))
  if (unknown.length > 0) return helpers.message({ custom: `{{#label}} has unknown scopes: ${unknown.join(' ')}` })
  return [...new Set(names)].join(' ')
}

const fields: Joi.StrictSchemaMap<ClientInput> = {
  name: Joi.string().trim().min(1).max(100),
  redirect_uris: uris(),
  post_logout_redirect_uris: uris(),
  grant_types: Joi.array()
    .items(Joi.string().valid(...GRANT_TYPES))
    .min(1)
    .unique(),
  token_endpoint_auth_method: Joi.string().valid(...AUTH_METHODS),
  application_type: Joi.string().valid('web', 'native'),
  scope: Joi.string().max(500).custom(scopes).example('openid profile calendar:read'),
  first_party: Joi.boolean(),
  role: Joi.string()
    .valid(...ROLES)
    .allow(null),
}

const update = Joi.object<Partial<ClientInput>, true>(fields).required()

export const updateSchema = update.label('body')
export const createSchema = (update as Joi.ObjectSchema<ClientInput>)
  .keys({
    name: fields.name.required(),
    redirect_uris: uris().default([]),
    post_logout_redirect_uris: uris().default([]),
    grant_types: (fields.grant_types as Joi.ArraySchema).default(['authorization_code', 'refresh_token']),
    token_endpoint_auth_method: (fields.token_endpoint_auth_method as Joi.StringSchema).default('client_secret_basic'),
    application_type: (fields.application_type as Joi.StringSchema).default('web'),
    scope: (fields.scope as Joi.StringSchema).required(),
    first_party: Joi.boolean().default(false),
    role: (fields.role as Joi.StringSchema).default(null),
  })
  .label('body')

export interface ListQuery {
  limit: number
  cursor?: string
}

export const listSchema = (max: number) =>
  Joi.object<ListQuery, true>({
    limit: Joi.number().integer().min(1).max(max).default(Math.min(50, max)),
    cursor: Joi.string().max(500),
  })

export const clientSchema = Joi.object({
  id: Joi.string(),
  tenant: Joi.string(),
  ...fields,
  created_at: Joi.string().isoDate(),
  updated_at: Joi.string().isoDate(),
}).label('Client')
export const newClientSchema = clientSchema
  .keys({ client_secret: Joi.string().description('Shown this once; absent for a public client') })
  .label('NewClient')
export const clientsSchema = Joi.object({ clients: Joi.array().items(clientSchema), next_cursor: Joi.string() })
