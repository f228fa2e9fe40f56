import { timingSafeEqual } from 'node:crypto'
import { HOTP, Secret, TOTP } from 'otpauth'

/** What every authenticator app knows: other values of RFC 6238 are ignored by some of them without a word. */
const FORM = { algorithm: 'SHA1', digits: 6, period: 30 } as const
/** As long as the output of the hash (RFC 4226 4, R6). */
const SECRET_BYTES = 20
/** Steps before and after the current one, for clocks that differ and people who type slowly (RFC 6238 5.2). */
const WINDOW = [-1, 0, 1] as const
const MS_PER_S = 1000

export const TOTP_CODE = /^\d{6}$/

/** 160 random bits. */
export const newTotpSecret = (): Buffer => Buffer.from(new Secret({ size: SECRET_BYTES }).bytes)

const secretOf = (bytes: Buffer): Secret => new Secret({ buffer: new Uint8Array(bytes).buffer })

/** What a person types into an app that cannot read the URI: Base32 (RFC 4648 6) without padding. */
export const totpText = (secret: Buffer): string => secretOf(secret).base32

/** The otpauth:// URI that an app reads from a QR code. */
export const totpUri = (secret: Buffer, { issuer, label }: { issuer: string; label: string }): string =>
  new TOTP({ ...FORM, issuer, label, secret: secretOf(secret) }).toString()

/** The code of one time step. @param step as stepAt counts */
const codeAt = (secret: Buffer, step: number): string =>
  HOTP.generate({ algorithm: FORM.algorithm, digits: FORM.digits, secret: secretOf(secret), counter: step })

/** The time step of an instant. @param now milliseconds since 1970 */
export const stepAt = (now: number): number => Math.floor(now / MS_PER_S / FORM.period)

/**
 * The time step that a code belongs to (RFC 6238 5.2); every step of the window is compared, each in constant time.
 * @param now milliseconds since 1970
 * @param last the last step that was taken: neither it nor an earlier one is good again
 * @returns undefined for a wrong code
 */
export function stepOf(secret: Buffer, code: string, { now, last }: { now: number; last: number }): number | undefined {
  if (!TOTP_CODE.test(code)) return undefined
  const given = Buffer.from(code)
  const steps = WINDOW.map((offset) => stepAt(now) + offset)
  return steps.filter((step) => timingSafeEqual(Buffer.from(codeAt(secret, step)), given)).find((step) => step > last)
}
