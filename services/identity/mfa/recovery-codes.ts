import { createHmac, randomInt, timingSafeEqual } from 'node:crypto'
import type { Owner } from '#shared/scope.ts'

/** Crockford's Base32: no I, L, O or U, which people read as something else. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
/** 24 characters of 5 bits: with 112 bits and more a fast hash is enough (OWASP ASVS 5.0, 6.5.2). */
const CHARACTERS = 24
const GROUP = /.{4}(?=.)/g
export const RECOVERY_CODES = 10

/** As people write them down: six groups of four. */
const newCode = (): string =>
  Array.from({ length: CHARACTERS }, () => ALPHABET[randomInt(ALPHABET.length)])
    .join('')
    .replace(GROUP, '$&-')

/** A set of codes, each with 120 random bits, all different. */
export function newRecoveryCodes(): string[] {
  const codes = new Set<string>()
  while (codes.size < RECOVERY_CODES) codes.add(newCode())
  return [...codes]
}

/** One spelling of a code, however it was typed; undefined for what cannot be one. */
export function recoveryCodeOf(text: string): string | undefined {
  const code = text.replaceAll(/[\s-]/g, '').toUpperCase().replaceAll(/[IL]/g, '1').replaceAll('O', '0')
  return code.length === CHARACTERS && [...code].every((character) => ALPHABET.includes(character)) ? code : undefined
}

/**
 * What is stored of a code. The key stays outside the database file, so that its reader cannot even try codes.
 * @param code as recoveryCodeOf gives it
 */
export const recoveryHash = (pepper: Buffer, account: Owner, code: string): Buffer =>
  createHmac('sha256', pepper).update(`${account}\n${code}`).digest()

/** Which of these hashes one is; all are compared, each in constant time. */
export const hashAmong = (hashes: readonly Buffer[], wanted: Buffer): Buffer | undefined =>
  hashes.filter((hash) => timingSafeEqual(hash, wanted))[0]
