import { Problem, type FieldError } from '#shared/problem.ts'
import { isApiScope } from '../scopes.ts'
import type { ClientInput } from './schema.ts'

const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code'
const LOOPBACK = /^https:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?=[:/]|$)/

type Rule = [field: keyof ClientInput, message: string, isBroken: (client: ClientInput) => boolean]

const has = ({ grant_types: types }: ClientInput, type: ClientInput['grant_types'][number]) => types.includes(type)

/** What no single field can say. */
const RULES: Rule[] = [
  [
    'redirect_uris',
    'needs at least one address for authorization_code',
    (client) => has(client, 'authorization_code') && client.redirect_uris.length === 0,
  ],
  [
    'redirect_uris',
    'of native applications must be http on this machine or https elsewhere',
    (client) => client.application_type === 'native' && client.redirect_uris.some((uri) => LOOPBACK.test(uri)),
  ],
  [
    'post_logout_redirect_uris',
    'of native applications must be http on this machine or https elsewhere',
    (client) =>
      client.application_type === 'native' && client.post_logout_redirect_uris.some((uri) => LOOPBACK.test(uri)),
  ],
  [
    'grant_types',
    'has refresh_token without a grant that gives one',
    (client) => has(client, 'refresh_token') && !has(client, 'authorization_code') && !has(client, DEVICE),
  ],
  [
    'token_endpoint_auth_method',
    'must not be none with client_credentials',
    (client) => has(client, 'client_credentials') && client.token_endpoint_auth_method === 'none',
  ],
  ['role', 'is needed with client_credentials', (client) => has(client, 'client_credentials') && client.role === null],
  [
    'role',
    'is only for client_credentials: for people, an application has their role',
    (client) => !has(client, 'client_credentials') && client.role !== null,
  ],
  [
    'scope',
    'has nothing that client_credentials could use',
    (client) => has(client, 'client_credentials') && !client.scope.split(' ').some(isApiScope),
  ],
]

/** @throws Problem invalid-input naming every field that does not fit the others */
export function requireConsistent(client: ClientInput): void {
  const errors: FieldError[] = RULES.filter(([, , isBroken]) => isBroken(client)).map(([field, message]) => ({
    in: 'body',
    field,
    message: `${field} ${message}`,
  }))
  if (errors.length > 0) {
    throw new Problem('invalid-input', { detail: errors.map(({ message }) => message).join('; '), errors })
  }
}
