import {
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
  type AuthenticationResponseJSON,
  type RegistrationResponseJSON,
} from '@simplewebauthn/server'
import { COSEALG, decodeAttestationObject, decodeClientDataJSON, isoBase64URL } from '@simplewebauthn/server/helpers'
import { isIP } from 'node:net'
import type { Account } from '../accounts/store.ts'
import type { IdentityConfig } from '../config.ts'
import type { Descriptor, NewPasskey, Passkey } from './store.ts'

/** Why a passkey was not accepted: for the log, its sender is not told. */
export class PasskeyRefused extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, { cause })
    this.name = 'PasskeyRefused'
  }
}

export type RelyingParty = ReturnType<typeof createRelyingParty>

const NAME = 'Najimban'
const MS_PER_S = 1000
/** Every authenticator has one of them. */
const ALGORITHMS = [COSEALG.EdDSA, COSEALG.ES256, COSEALG.RS256]

/**
 * A passkey stands for a password and a second factor, so the authenticator must have made sure by PIN, finger or face who
 * uses it (OWASP ASVS 5.0, 6.3.3): `preferred` would let one in who only holds the device.
 */
const USER_VERIFICATION = 'required'

/** The challenge that an answer of a browser is about; undefined when it says none. Nothing else of it is proven yet. */
export function challengeOf({ response }: AuthenticationResponseJSON | RegistrationResponseJSON): string | undefined {
  try {
    const { challenge } = decodeClientDataJSON(response.clientDataJSON)
    return typeof challenge === 'string' ? challenge : undefined
  } catch {
    return undefined
  }
}

/** What the library throws, and what it answers without a throw, as one refusal. */
async function verified<T extends { verified: boolean }>(
  verification: () => Promise<T>,
): Promise<T & { verified: true }> {
  let result: T
  try {
    result = await verification()
  } catch (error) {
    throw new PasskeyRefused(error instanceof Error ? error.message : String(error), error)
  }
  if (!result.verified) throw new PasskeyRefused('the signature is wrong')
  return result as T & { verified: true }
}

/** Signed by our own page inside somebody else's: no page of ours is framed, so this is clickjacking. */
function refuseFramed({ response }: AuthenticationResponseJSON | RegistrationResponseJSON): void {
  if (decodeClientDataJSON(response.clientDataJSON).crossOrigin === true) throw new Error('it was made in a frame')
}

/**
 * No statement about the make of the device is asked for. Those of manufacturers would have to be checked against lists
 * on the network, and addresses in certificates that anybody can send would be fetched.
 */
function refuseStatement({ response }: RegistrationResponseJSON): void {
  const attestation = decodeAttestationObject(isoBase64URL.toBuffer(response.attestationObject))
  const fmt = attestation.get('fmt')
  const isSelfSigned = fmt === 'packed' && attestation.get('attStmt').get('x5c') === undefined
  if (fmt !== 'none' && !isSelfSigned) throw new Error(`the attestation ${fmt} was not asked for`)
}

/** The WebAuthn Relying Party that PUBLIC_URL is (Level 3, 7.1 and 7.2): passkeys are bound to its host name. */
export function createRelyingParty(
  config: Pick<IdentityConfig, 'PUBLIC_URL' | 'WEBAUTHN_ORIGINS' | 'PASSKEY_CHALLENGE_TTL_S'>,
) {
  const { hostname: id } = new URL(config.PUBLIC_URL)
  const isBelow = (origin: string) => new URL(origin).hostname === id || new URL(origin).hostname.endsWith(`.${id}`)
  const origins = [config.PUBLIC_URL, ...config.WEBAUTHN_ORIGINS.filter(isBelow)]
  const timeout = config.PASSKEY_CHALLENGE_TTL_S * MS_PER_S
  const expected = { expectedOrigin: origins, expectedRPID: id, requireUserVerification: true }

  return {
    id,
    origins,
    /** Browsers have no passkeys for addresses. */
    isUsable: isIP(id.replaceAll(/[[\]]/g, '')) === 0,
    /**
     * For navigator.credentials.create(); the challenge in it is to be replaced.
     * @param known passkeys of the account, so that an authenticator is not registered twice
     */
    registrationOptions: (account: Account, known: readonly Descriptor[]) =>
      generateRegistrationOptions({
        rpID: id,
        rpName: NAME,
        userID: new Uint8Array(Buffer.from(account.id)),
        userName: account.email,
        userDisplayName: account.name,
        timeout,
        attestationType: 'none',
        supportedAlgorithmIDs: ALGORITHMS,
        excludeCredentials: known.map(({ credential_id, transports }) => ({ id: credential_id, transports })),
        authenticatorSelection: { residentKey: 'required', userVerification: USER_VERIFICATION },
      }),
    /** For navigator.credentials.get(), for whomever: the authenticator knows whose passkeys it has. */
    loginOptions: () => generateAuthenticationOptions({ rpID: id, timeout, userVerification: USER_VERIFICATION }),
    /** @throws PasskeyRefused */
    async verifyRegistration(response: RegistrationResponseJSON, challenge: string): Promise<Omit<NewPasskey, 'name'>> {
      const { registrationInfo } = await verified(() => {
        refuseFramed(response)
        refuseStatement(response)
        return verifyRegistrationResponse({
          ...expected,
          response,
          expectedChallenge: challenge,
          supportedAlgorithmIDs: ALGORITHMS,
        })
      })
      const { credential, credentialDeviceType, credentialBackedUp } = registrationInfo
      if (credential.id !== response.id) throw new PasskeyRefused('the ids inside and outside differ')
      return {
        credential_id: credential.id,
        public_key: Buffer.from(credential.publicKey),
        counter: credential.counter,
        transports: credential.transports ?? [],
        device_type: credentialDeviceType,
        backed_up: credentialBackedUp,
      }
    },
    /**
     * @returns what the authenticator has counted, for the caller to compare: two answers may be under way at once
     * @throws PasskeyRefused
     */
    async verifyLogin(response: AuthenticationResponseJSON, challenge: string, passkey: Passkey) {
      const { authenticationInfo } = await verified(() => {
        refuseFramed(response)
        const { userHandle } = response.response
        if (typeof userHandle !== 'string' || Buffer.from(userHandle, 'base64url').toString() !== passkey.account_id) {
          throw new Error('it names another account')
        }
        return verifyAuthenticationResponse({
          ...expected,
          response,
          expectedChallenge: challenge,
          credential: { id: passkey.credential_id, publicKey: new Uint8Array(passkey.public_key), counter: 0 },
        })
      })
      return { counter: authenticationInfo.newCounter, backed_up: authenticationInfo.credentialBackedUp }
    },
  }
}
