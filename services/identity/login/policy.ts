import { readFileSync } from 'node:fs'
import { invalidField } from '#shared/problem.ts'
import type { IdentityConfig } from '../config.ts'

/** What can be wrong with a new password: its length, that it is tried first, that it is the e-mail address. */
export type PasswordFault = 'length' | 'common' | 'address'

export type PasswordPolicy = ReturnType<typeof createPasswordPolicy>

/**
 * The 3000 most frequent passwords with at least 8 characters of @zxcvbn-ts/language-common 4.1.3 (MIT License), and what
 * Korean keyboards make of everyday words; in lower case.
 */
const COMMON = new URL('common-passwords.txt', import.meta.url)

/**
 * What a new password must be: long enough, and not one of those that are tried first (NIST SP 800-63B-4 3.1.1.2, OWASP
 * ASVS 5 6.2). No rules about kinds of characters: they make passwords worse.
 */
export function createPasswordPolicy(config: Pick<IdentityConfig, 'PASSWORD_MIN_LENGTH' | 'PASSWORD_MAX_LENGTH'>) {
  const common = new Set(readFileSync(COMMON, 'utf8').trimEnd().split('\n'))
  const { PASSWORD_MIN_LENGTH: min, PASSWORD_MAX_LENGTH: max } = config

  const texts: Record<PasswordFault, string> = {
    length: `must have ${min} to ${max} characters`,
    common: 'is one of those that are tried first; choose another',
    address: 'must not be the e-mail address',
  }

  function faultOf(password: string, email: string): PasswordFault | undefined {
    const text = password.normalize('NFC')
    const length = [...text].length
    if (length < min || length > max) return 'length'
    const lower = text.toLowerCase()
    if (common.has(lower)) return 'common'
    if (lower === email || lower === email.split('@', 1)[0]) return 'address'
    return undefined
  }

  return {
    /** What is wrong with a new password; undefined when nothing is. @param email as emailOf gives it */
    faultOf,
    /** @throws Problem invalid-input (400) that names the field of the body */
    require(password: string, email: string, field = 'password'): void {
      const fault = faultOf(password, email)
      if (fault !== undefined) throw invalidField('body', field, `${field} ${texts[fault]}`)
    },
  }
}
