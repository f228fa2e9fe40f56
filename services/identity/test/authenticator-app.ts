import { Secret, TOTP } from 'otpauth'
import { asOwner } from '#shared/scope.ts'
import type { As, Identity, Person } from './identity.ts'

const STEP_MS = 30_000

/** The code that an app shows. @param steps later than now */
export const codeOf = (secret: string, steps = 0): string =>
  TOTP.generate({ secret: Secret.fromBase32(secret), timestamp: Date.now() + steps * STEP_MS })

/** Six digits that are the code of no step near now. */
export function wrongCode(secret: string): string {
  const near = new Set([-2, -1, 0, 1, 2].map((steps) => codeOf(secret, steps)))
  for (let code = 0; ; code++) {
    const text = String(code).padStart(6, '0')
    if (!near.has(text)) return text
  }
}

/** Switches codes on for a person: `code()` gives one that is good, also when one of this step was taken before. */
export async function withApp({ call, db }: Pick<Identity, 'call' | 'db'>, person: Person & As) {
  const { password } = person
  const begun = await call('POST', '/api/auth/totp', { as: person, body: { password } })
  if (begun.status !== 200) throw new Error(begun.text)
  const { secret, uri } = begun.json<{ secret: string; uri: string }>()
  const confirmed = await call('POST', '/api/auth/totp/confirm', { as: person, body: { code: codeOf(secret) } })
  if (confirmed.status !== 200) throw new Error(confirmed.text)
  const forget = db.prepare('UPDATE totp SET last_step = 0 WHERE account_id = ?')
  return {
    secret,
    uri,
    recoveryCodes: confirmed.json<{ recovery_codes: string[] }>().recovery_codes,
    code(): string {
      forget.run(asOwner(person.user))
      return codeOf(secret)
    },
  }
}
