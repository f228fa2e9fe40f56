import fc from 'fast-check'
import t from 'tap'
import { fingerprintOf, normalisedMessage } from './fingerprint.ts'

t.test('ids, numbers, times and white space do not make another finding; rule and target do', async (t) => {
  const of = (message: string, rule = 'r', target = 't') => fingerprintOf({ rule, target, message })
  const same: [string, string][] = [
    ['p95 812 ms', 'p95  901.5\tms '],
    ['at 2026-11-21T09:00:00Z', 'at 2025-01-02T23:59:01Z'],
    ['user 0f8fad5b-d9cb-469f-a165-70867728950e', 'user 7c9e6679-7425-40de-944b-e07fc1f90ae7'],
    ['commit d40744f1c', 'commit aef9ecc99b'],
    ['응답 ３초'.normalize('NFC'), '응답 5초'.normalize('NFD')],
  ]
  for (const [one, other] of same) t.equal(of(one), of(other), one)
  t.not(of('slow'), of('Slow'))
  t.not(of('m', 'a', 'bc'), of('m', 'ab', 'c'))
  t.not(of('m', 'a'), of('m', 'b'))
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const once = normalisedMessage(text)
      return normalisedMessage(once) === once
    }),
  )
  fc.assert(
    fc.property(fc.array(fc.nat(), { minLength: 2, maxLength: 2 }), fc.string(), ([one, other], text) => {
      const words = text.replace(/[\da-f]/gi, '')
      return of(`${words} ${one} ms`) === of(`${words} ${other} ms`)
    }),
  )
})
