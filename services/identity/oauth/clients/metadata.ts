import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AllClientMetadata } from 'oidc-provider'
import type { Client } from './store.ts'

const SECRET_BYTES = 32

/** A new secret of an application: 256 random bits. */
export const newSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url')

/** What is kept of a secret. It is too long to be guessed, so a fast hash without a salt is enough (NIST SP 800-63B 5.1.2). */
export const secretHashOf = (secret: string): string => hash('sha256', secret, 'base64url')

/** Compares in constant time what was sent with what is kept. */
export function isSecret(kept: string | null | undefined, sent: string): boolean {
  if (kept === null || kept === undefined) return false
  const [expected, actual] = [Buffer.from(kept), Buffer.from(secretHashOf(sent))]
  return expected.length === actual.length && timingSafeEqual(expected, actual)
}

/** A client as oidc-provider reads it. Its `client_secret` is the hash, which the comparison knows. */
export const metadataOf = (client: Client): AllClientMetadata => ({
  client_id: client.id,
  client_name: client.name,
  redirect_uris: client.redirect_uris,
  post_logout_redirect_uris: client.post_logout_redirect_uris,
  grant_types: client.grant_types,
  response_types: client.grant_types.includes('authorization_code') ? ['code'] : [],
  // A code in a form or a fragment helps nobody, and their pages need a script.
  response_modes: ['query'],
  token_endpoint_auth_method: client.token_endpoint_auth_method,
  application_type: client.application_type,
  scope: client.scope,
  ...(client.secret_hash === null ? {} : { client_secret: client.secret_hash }),
})
