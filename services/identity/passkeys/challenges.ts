import type { Owner } from '#shared/scope.ts'
import type { OneTimeTokens } from '../accounts/one-time-tokens.ts'
import type { IdentityConfig } from '../config.ts'

export type Challenges = ReturnType<typeof createChallenges>

const REGISTRATION = 'passkey-registration'
const LOGIN = 'passkey-login'

/**
 * Challenges are one-time tokens: 256 random bits, of which the hash is stored (WebAuthn Level 3, 13.4.3). Base64url on both
 * sides, so what a browser sends back is the token, letter for letter.
 */
export function createChallenges(tokens: OneTimeTokens, config: Pick<IdentityConfig, 'PASSKEY_CHALLENGE_TTL_S'>) {
  const ttl_s = config.PASSKEY_CHALLENGE_TTL_S
  return {
    /** Ends the account's earlier one; inside a write. */
    forRegistration: (account: Owner): string => tokens.issue({ purpose: REGISTRATION, account, ttl_s }),
    /** For whomever; inside a write. */
    forLogin: (): string => tokens.issue({ purpose: LOGIN, ttl_s }),
    /** Uses it up; inside a write. @returns whether it was good and this account's */
    takeRegistration: (account: Owner, challenge: string): boolean =>
      tokens.take(REGISTRATION, challenge)?.account === account,
    /** Whether it is good; what nobody was given needs no write to be refused. */
    isForLogin: (challenge: string): boolean => tokens.peek(LOGIN, challenge) !== undefined,
    /** Uses it up; inside a write. @returns whether it was good */
    takeLogin: (challenge: string): boolean => tokens.take(LOGIN, challenge) !== undefined,
  }
}
