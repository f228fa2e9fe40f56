import fc from 'fast-check'
import t from 'tap'
import { evaluationsOf, normalisedEvaluation } from './evaluations.ts'
import { allowedLabels, labelsOf } from './labels.ts'
import { severityOf } from './severity.ts'

t.test('both forms of an evaluation become one', async (t) => {
  const long = { rule_id: 'r', target: 't', verdict: 'warn', severity: 'block', message: 'm' }
  t.same(normalisedEvaluation(long), { rule: 'r', target: 't', verdict: 'warn', severity: 'block', message: 'm' })
  const short = (rest: object) => normalisedEvaluation({ rule: 'r', ...rest })
  const made = { rule: 'r', target: '' }
  t.same(short({ severity: 'warn', result: 'slow' }), { ...made, verdict: 'warn', severity: 'warn', message: 'slow' })
  t.same(short({ severity: 'info' }), { ...made, verdict: 'pass', severity: 'info', message: '' })
  t.same(short({ severity: 'block', result: 'ok' }), { ...made, verdict: 'pass', severity: 'block', message: 'ok' })
  t.same(short({ result: 'failed' }), { ...made, verdict: 'block', severity: 'block', message: 'failed' })
  t.match(short({ verdict: 'pass' }), { verdict: 'pass', severity: 'info' })
  t.match(normalisedEvaluation({ rule_id: 7, severity: 'warn' }), { rule: '7' })
  t.equal(normalisedEvaluation({ rule: '한'.normalize('NFD'), severity: 'warn' })?.rule, '한'.normalize('NFC'))
})

t.test('what names no rule or cannot be judged is no evaluation, and any JSON is read without a throw', async (t) => {
  for (const value of [null, 7, 'r', [], {}, { rule: 'r' }, { severity: 'warn' }, { rule: '', severity: 'warn' }]) {
    t.equal(normalisedEvaluation(value), undefined, JSON.stringify(value))
  }
  for (const policy of [undefined, null, 7, [], {}, { evaluations: 7 }]) t.same(evaluationsOf(policy), [])
  fc.assert(fc.property(fc.jsonValue(), (value) => Array.isArray(evaluationsOf({ evaluations: [value] }))))
})

t.test('an evaluation that is normalised again stays, and judges as the report does', async () => {
  const word = fc.constantFrom<unknown>('info', 'warn', 'block', 'pass', 'fail', 'other', 3, null, undefined)
  const given = fc.record({
    rule: fc.string({ unit: 'binary' }),
    rule_id: fc.option(fc.string(), { nil: undefined }),
    severity: word,
    verdict: word,
    result: word,
  })
  fc.assert(
    fc.property(given, (one) => {
      const normal = normalisedEvaluation(one)
      if (normal === undefined) return true
      const again = normalisedEvaluation({ ...normal, rule_id: normal.rule })
      const said = severityOf({ evaluations: [one] })
      return JSON.stringify(again) === JSON.stringify(normal) && (said === undefined || said === normal.severity)
    }),
  )
})

t.test('only labels on the list are kept, as short texts; the others are counted', async (t) => {
  const allowed = allowedLabels(' decision, ok ,,')
  t.same([...allowed], ['decision', 'ok'])
  t.same(labelsOf({ decision: 'ship', ok: true, team: 'a' }, allowed), {
    kept: { decision: 'ship', ok: 'true' },
    dropped: 1,
  })
  t.same(labelsOf({ decision: 'x'.repeat(64) }, allowed).dropped, 0)
  t.same(labelsOf({ decision: '각'.repeat(64).normalize('NFD') }, allowed).kept, { decision: '각'.repeat(64) })
  t.same(labelsOf({ decision: '각'.repeat(65).normalize('NFD') }, allowed).dropped, 1)
  t.same(labelsOf({ decision: 'x'.repeat(65), ok: { deep: 1 } }, allowed), { kept: undefined, dropped: 2 })
  for (const none of [undefined, null, 7, 'ok', ['ok']])
    t.same(labelsOf(none, allowed), { kept: undefined, dropped: 0 })
})
