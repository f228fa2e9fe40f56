import { generateKeyPairSync, hash } from 'node:crypto'
import type { JWK } from 'jose'

/** Thumbprint of an Ed25519 key (RFC 7638, RFC 8037 appendix A.3), its id everywhere: its members in this very order. */
export const thumbprint = (x: string): string =>
  hash('sha256', JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }), 'base64url')

/** A key for signatures (RFC 8037) as others may see it. @param x the public key, base64url */
export const publicJwkOf = (x: string, alg: string): JWK & { kid: string; x: string } => ({
  kty: 'OKP',
  crv: 'Ed25519',
  x,
  kid: thumbprint(x),
  alg,
  use: 'sig',
})

/** A new key pair (RFC 8037). @param alg what it signs (RFC 8725 section 3.1) */
export function newKeyPair(alg: string): { publicJwk: JWK & { kid: string; x: string }; privateJwk: JWK } {
  const { privateKey } = generateKeyPairSync('ed25519')
  const { x, d } = privateKey.export({ format: 'jwk' }) as { x: string; d: string }
  const publicJwk = publicJwkOf(x, alg)
  return { publicJwk, privateJwk: { ...publicJwk, d } }
}
