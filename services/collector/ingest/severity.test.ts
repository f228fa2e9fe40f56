import fc from 'fast-check'
import t from 'tap'
import { policyVersionOf, severityOf } from './severity.ts'

const judge = (...evaluations: unknown[]) => severityOf({ evaluations })

t.test('the worst evaluation decides, in either form', async (t) => {
  t.equal(judge({ severity: 'info' }, { severity: 'block', rule: 'r', result: 'x' }, { severity: 'warn' }), 'block')
  t.equal(judge({ rule_id: 'r', verdict: 'warn', severity: 'info' }), 'info', 'severity counts before verdict')
  t.equal(judge({ verdict: 'pass' }), 'info')
  t.equal(judge({ verdict: 'warn' }, { verdict: 'pass' }), 'warn')
  t.equal(judge({ verdict: 'block' }), 'block')
  t.equal(judge({ severity: 'catastrophe', verdict: 'warn' }), 'warn', 'an unknown severity leaves it to the verdict')
})

t.test('without anything to judge by there is no severity', async (t) => {
  for (const policy of [undefined, null, 7, 'block', [], {}, { evaluations: {} }, { evaluations: [] }]) {
    t.equal(severityOf(policy), undefined)
  }
  t.equal(judge(null, 3, 'block', [], {}, { severity: 'BLOCKED' }, { severity: ['block'] }), undefined)
  t.equal(judge({ severity: 'constructor' }, { verdict: '__proto__' }), undefined)
})

t.test('the order of evaluations does not matter, and any JSON is judged without a throw', async () => {
  const severity = fc.constantFrom('info', 'warn', 'block', 'other', null)
  fc.assert(
    fc.property(fc.array(fc.record({ severity, verdict: severity })), (list) => {
      return judge(...list) === judge(...list.toReversed())
    }),
  )
  fc.assert(fc.property(fc.jsonValue(), (value) => judge(value) !== null && severityOf(value) !== null))
})

t.test('a policy version is text or a number that is short enough to search for', async (t) => {
  t.equal(policyVersionOf({ policy_version: '2026.11-정책' }), '2026.11-정책')
  t.equal(policyVersionOf({ policy_version: 3 }), '3')
  t.equal(policyVersionOf({ policy_version: 'v'.repeat(255) }), 'v'.repeat(255))
  t.equal(policyVersionOf({ policy_version: '각'.repeat(255).normalize('NFD') }), '각'.repeat(255))
  for (const version of ['', 'v'.repeat(256), null, true, {}, ['v1']]) {
    t.equal(policyVersionOf({ policy_version: version }), undefined)
  }
})
