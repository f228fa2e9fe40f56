import t from 'tap'
import { randomBytes } from 'node:crypto'
import { asOwner } from '#shared/scope.ts'
import { hashAmong, newRecoveryCodes, recoveryCodeOf, recoveryHash } from './recovery-codes.ts'

t.test('a set has ten different codes of 120 bits', (t) => {
  const codes = newRecoveryCodes()
  t.equal(new Set(codes).size, 10)
  for (const code of codes) t.match(code, /^(?:[0-9A-HJKMNP-TV-Z]{4}-){5}[0-9A-HJKMNP-TV-Z]{4}$/)
  t.end()
})

t.test('a code may be typed in small letters, with spaces, and with letters that look like digits', (t) => {
  const code = '0123-4567-89AB-CDEF-GHJK-MNPQ'
  for (const typed of [
    code,
    code.toLowerCase(),
    ' 0123 4567 89ab cdef ghjk mnpq ',
    'o123-4567-89AB-CDEF-GHJK-MNPQ',
    'OI23456789abcdefghjkmnpq',
  ]) {
    t.equal(recoveryCodeOf(typed), '0123456789ABCDEFGHJKMNPQ', typed)
  }
  for (const typed of [
    '',
    '123456',
    code + '0',
    code.slice(1),
    'U123-4567-89AB-CDEF-GHJK-MNPQ',
    '가123-4567-89AB-CDEF-GHJK-MNPQ',
  ]) {
    t.equal(recoveryCodeOf(typed), undefined, typed)
  }
  t.end()
})

t.test('the hash of a code depends on the account and on the key', (t) => {
  const [key, code] = [randomBytes(32), '0123456789ABCDEFGHJKMNPQ']
  const hash = recoveryHash(key, asOwner('a'), code)
  t.same(hashAmong([randomBytes(32), hash], recoveryHash(key, asOwner('a'), code)), hash)
  t.equal(hashAmong([hash], recoveryHash(key, asOwner('b'), code)), undefined)
  t.equal(hashAmong([hash], recoveryHash(randomBytes(32), asOwner('a'), code)), undefined)
  t.equal(hashAmong([], hash), undefined)
  t.end()
})
