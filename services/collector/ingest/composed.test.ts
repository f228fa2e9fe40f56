import fc from 'fast-check'
import t from 'tap'
import { fingerprintOf } from '../findings/fingerprint.ts'
import { composed } from './composed.ts'
import { normalisedEvaluation } from './evaluations.ts'

const forms = (text: string) => [text.normalize('NFC'), text.normalize('NFD')] as const

t.test('a long text is one evaluation and one finding, whichever way it is written', async (t) => {
  for (const text of ['느립니다 '.repeat(160), '각'.repeat(999), '각'.repeat(5000), 'tiếng Việt '.repeat(200)]) {
    const [one, other] = forms(text).map((form) =>
      normalisedEvaluation({ rule: form, target: form, message: form, severity: 'warn' }),
    )
    t.same(one, other)
    t.equal(one?.message.length, Math.min(1000, text.normalize('NFC').length))
    t.equal(fingerprintOf(one as NonNullable<typeof one>), fingerprintOf(other as NonNullable<typeof other>))
  }
})

t.test('what takes four times the units when it is decomposed is composed as well', async (t) => {
  const [one, other] = forms('\u1f82'.repeat(50))
  t.equal(other.length, 200)
  for (const max of [1, 49, 50, 51]) t.equal(composed(other, max), composed(one, max))
  t.equal(composed(other, 50), one)
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.integer({ min: 1, max: 100 }), (text, max) => {
      const [nfc, nfd] = forms(text)
      return nfd.length > 4 * max || composed(nfc, max) === composed(nfd, max)
    }),
  )
})

t.test('the beginning is Unicode text, and that of ASCII is itself', async (t) => {
  t.equal(composed('abc', 2), 'ab')
  t.equal(composed('e\u0301', 1), 'é', 'what comes behind the end belongs to its last character')
  t.equal(composed('a😀', 2), 'a\ufffd')
  t.equal(composed('\ud83d', 2), '\ufffd')
})

t.test(
  'marks beyond thirty in a row are kept apart, so that a text of nothing else costs no more than others',
  async (t) => {
    const text = composed(`a${'\u0301\u0323'.repeat(2000)}`, 1000)
    t.equal(text.length, 1000)
    t.notMatch(text, /[\p{M}--\u034f]{31}/v)
    t.equal(composed(text, 1000), text)
  },
)
