import t from 'tap'
import { HOTP, Secret } from 'otpauth'
import { newTotpSecret, stepAt, stepOf, totpText, totpUri } from './totp.ts'

/** The secret of RFC 6238, appendix B, and the last six digits of its SHA-1 codes. */
const RFC_SECRET = Buffer.from('12345678901234567890')
const RFC_CODES: [seconds: number, code: string][] = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
]

const codeAt = (secret: Buffer, step: number) =>
  HOTP.generate({ secret: Secret.fromHex(secret.toString('hex')), counter: step })

t.test('the codes of RFC 6238 are right at their times', (t) => {
  for (const [seconds, code] of RFC_CODES) {
    const now = seconds * 1000
    t.equal(stepOf(RFC_SECRET, code, { now, last: 0 }), stepAt(now), `${seconds} s`)
  }
  t.end()
})

t.test('a code is good one step before and after its own, and no further', (t) => {
  const now = 1_700_000_010_000
  const step = stepAt(now)
  const takenAt = (at: number) => stepOf(RFC_SECRET, codeAt(RFC_SECRET, at), { now, last: 0 })
  t.same(
    [-2, -1, 0, 1, 2].map((offset) => takenAt(step + offset)),
    [undefined, step - 1, step, step + 1, undefined],
  )
  t.end()
})

t.test('neither the last step that was taken nor an earlier one is good again', (t) => {
  const now = 1_700_000_010_000
  const step = stepAt(now)
  const code = codeAt(RFC_SECRET, step)
  t.equal(stepOf(RFC_SECRET, code, { now, last: step - 1 }), step)
  t.equal(stepOf(RFC_SECRET, code, { now, last: step }), undefined)
  t.equal(stepOf(RFC_SECRET, code, { now, last: step + 1 }), undefined)
  t.end()
})

t.test('only six ASCII digits can be a code', (t) => {
  const now = 59_000
  for (const code of ['', '28708', '2870822', ' 287082', '287082\n', '٢٨٧٠٨٢', '２８７０８２', '1e5000', '-87082']) {
    t.equal(stepOf(RFC_SECRET, code, { now, last: 0 }), undefined, JSON.stringify(code))
  }
  t.end()
})

t.test('a secret has 160 random bits, and an app can read them from the URI', (t) => {
  const secret = newTotpSecret()
  t.equal(secret.length, 20)
  t.not(totpText(secret), totpText(newTotpSecret()))
  t.match(totpText(secret), /^[A-Z2-7]{32}$/)
  const uri = new URL(totpUri(secret, { issuer: 'Najimban', label: '김 나침@example.com' }))
  t.equal(uri.protocol, 'otpauth:')
  t.equal(decodeURIComponent(uri.pathname), '/Najimban:김 나침@example.com')
  t.same(Object.fromEntries(uri.searchParams), {
    issuer: 'Najimban',
    secret: totpText(secret),
    algorithm: 'SHA1',
    digits: '6',
    period: '30',
  })
  t.end()
})
