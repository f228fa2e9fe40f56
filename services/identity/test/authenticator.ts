import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { COSEALG, isoCBOR } from '@simplewebauthn/server/helpers'
import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto'

export interface Ceremony {
  challenge: string
  /** What the page of a browser would be, and what an honest browser would never say. */
  origin?: string
  rpId?: string
  crossOrigin?: boolean
  /** Whether the authenticator asked its user for PIN, finger or face. */
  isVerified?: boolean
  isPresent?: boolean
  counter?: number
  /** Statement about the make of the device, with its format. */
  attestation?: [fmt: string, statement: Map<string, never>]
  userHandle?: string
  type?: string
}

const ORIGIN = 'http://localhost:5000'
const RP_ID = 'localhost'
/** Bits of authenticator data (WebAuthn Level 3, 6.1). */
const FLAGS = { present: 0x01, verified: 0x04, backupEligible: 0x08, backedUp: 0x10, attested: 0x40 }
/** COSE_Key of a P-256 key (RFC 9053 7.1.1): kty EC2, alg, crv P-256, x, y. */
const COSE = { kty: 1, alg: 3, crv: -1, x: -2, y: -3, ec2: 2, p256: 1 }

const sha256 = (data: Buffer | string): Buffer => createHash('sha256').update(data).digest()
const base64url = (data: Uint8Array | string): string => Buffer.from(data).toString('base64url')

function coseKey(publicKey: KeyObject): Uint8Array {
  const { x, y } = publicKey.export({ format: 'jwk' }) as { x: string; y: string }
  const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'base64url'))
  return isoCBOR.encode(
    new Map<number, number | Uint8Array>([
      [COSE.kty, COSE.ec2],
      [COSE.alg, COSEALG.ES256],
      [COSE.crv, COSE.p256],
      [COSE.x, bytes(x)],
      [COSE.y, bytes(y)],
    ]),
  )
}

/** An authenticator and the browser before it, made by hand, so that they can lie. */
export function authenticator({ isSynced = false } = {}) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const credentialId = randomBytes(32)
  const id = base64url(credentialId)
  let signatures = 0

  const clientData = (type: string, { challenge, origin = ORIGIN, crossOrigin = false, ...given }: Ceremony) =>
    Buffer.from(JSON.stringify({ type: given.type ?? type, challenge, origin, crossOrigin }))

  function authenticatorData(given: Ceremony, attested?: Buffer): Buffer {
    const { rpId = RP_ID, isVerified = true, isPresent = true, counter = isSynced ? 0 : ++signatures } = given
    const flags =
      (isPresent ? FLAGS.present : 0) |
      (isVerified ? FLAGS.verified : 0) |
      (isSynced ? FLAGS.backupEligible | FLAGS.backedUp : 0) |
      (attested === undefined ? 0 : FLAGS.attested)
    const head = Buffer.alloc(5)
    head.writeUInt8(flags)
    head.writeUInt32BE(counter, 1)
    return Buffer.concat([sha256(rpId), head, attested ?? Buffer.alloc(0)])
  }

  return {
    id,
    /** What navigator.credentials.create() answers. */
    create(ceremony: Ceremony): RegistrationResponseJSON {
      const length = Buffer.alloc(2)
      length.writeUInt16BE(credentialId.length)
      const attested = Buffer.concat([Buffer.alloc(16), length, credentialId, coseKey(publicKey)])
      const [fmt, statement] = ceremony.attestation ?? ['none', new Map()]
      const object = new Map<string, unknown>([
        ['fmt', fmt],
        ['attStmt', statement],
        ['authData', new Uint8Array(authenticatorData(ceremony, attested))],
      ])
      return {
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: base64url(clientData('webauthn.create', ceremony)),
          attestationObject: base64url(isoCBOR.encode(object as never)),
          transports: ['internal'],
        },
      }
    },
    /** What navigator.credentials.get() answers. @param user the account that the passkey was made for */
    get(user: string, ceremony: Ceremony): AuthenticationResponseJSON {
      const client = clientData('webauthn.get', ceremony)
      const data = authenticatorData(ceremony)
      return {
        id,
        rawId: id,
        type: 'public-key',
        clientExtensionResults: {},
        response: {
          clientDataJSON: base64url(client),
          authenticatorData: base64url(data),
          signature: base64url(sign('sha256', Buffer.concat([data, sha256(client)]), privateKey)),
          userHandle: ceremony.userHandle ?? base64url(user),
        },
      }
    },
  }
}

export type Authenticator = ReturnType<typeof authenticator>
