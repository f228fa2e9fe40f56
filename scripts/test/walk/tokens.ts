import path from 'node:path'
import { decodeJwt, importJWK, SignJWT } from 'jose'
import { ACCESS_TOKEN } from '#shared/access-token.ts'
import { readConfig } from '#shared/config.ts'
import { openKeyring } from '#shared/keyring.ts'
import { openIdentityDatabase } from '../../../services/identity/migrations.ts'
import { settings } from '../../../services/identity/config.ts'
import { signingOf } from '../../../services/identity/signing/keys.ts'
import { createSigningKeyStore } from '../../../services/identity/signing/store.ts'
import type { System } from '../system.ts'

/**
 * The token of somebody once more, as identity would have signed it at another time.
 * @param token one that is good
 * @param seconds by how much everything in it is earlier
 */
export async function tokenOfBefore(
  { dataDir }: Pick<System, 'dataDir'>,
  token: string,
  seconds: number,
): Promise<string> {
  const config = readConfig(settings, { DATA_DIR: path.resolve(dataDir), NODE_ENV: 'test' })
  const database = openIdentityDatabase(config)
  try {
    const { kid, private_jwk } = signingOf(createSigningKeyStore(database, openKeyring(config)).all(), Date.now())
    const { iat, nbf, exp, ...claims } = decodeJwt(token) as Record<'iat' | 'nbf' | 'exp', number>
    const key = await importJWK(private_jwk, ACCESS_TOKEN.alg)
    return await new SignJWT({ ...claims, iat: iat - seconds, nbf: nbf - seconds, exp: exp - seconds })
      .setProtectedHeader({ alg: ACCESS_TOKEN.alg, typ: ACCESS_TOKEN.typ, kid })
      .sign(key)
  } finally {
    database.close()
  }
}
