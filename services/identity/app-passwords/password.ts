import { createHmac, randomInt } from 'node:crypto'
import type { Owner } from '#shared/scope.ts'

export type AppPasswordSecrets = ReturnType<typeof createAppPasswordSecrets>

/** Base 32 of Crockford: nothing in it can be taken for something else. */
const DIGITS = '0123456789abcdefghjkmnpqrstvwxyz'
/** 20 digits of 5 bits: 100 bits. */
const LENGTH = 20
const GROUP = 4
const FORM = new RegExp(`^[${DIGITS}]{${LENGTH}}$`)
/** Who reads them aloud or copies them from paper says these for those. */
const ALIKE: Record<string, string> = { o: '0', i: '1', l: '1' }

/** One spelling, whatever was typed: any case, with or without dashes and spaces. */
const plain = (typed: string): string =>
  typed
    .toLowerCase()
    .replace(/[\s-]/g, '')
    .replace(/[oil]/g, (letter) => ALIKE[letter] as string)

/**
 * Passwords `xxxx-xxxx-xxxx-xxxx-xxxx` for programs that know only a name and a password. They are random, so a fast keyed
 * hash keeps them as well as a slow one would.
 * @param pepper makes the stored hashes worthless to one who has only the database
 */
export function createAppPasswordSecrets(pepper: Buffer) {
  return {
    make(): string {
      const digits = Array.from({ length: LENGTH }, () => DIGITS[randomInt(DIGITS.length)] as string).join('')
      return (digits.match(new RegExp(`.{${GROUP}}`, 'g')) as string[]).join('-')
    },
    /** The hash of this account's password; undefined for what cannot be one. */
    hashOf(account: Owner, typed: string): Buffer | undefined {
      const password = plain(typed)
      if (!FORM.test(password)) return undefined
      return createHmac('sha256', pepper).update(`${account}\n${password}`).digest()
    },
  }
}
