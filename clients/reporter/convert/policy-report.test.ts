import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Evaluation, QcReport } from '../report.ts'
import { fromPolicyReport } from './policy-report.ts'

const SAMPLE = path.join(import.meta.dirname, '../test/samples/kyverno.policyreports.json')
const kyverno = JSON.parse(readFileSync(SAMPLE, 'utf8')) as { items: unknown[] }

const evaluationsOf = (reports: QcReport[]) =>
  reports.flatMap(({ policy }) => (policy?.evaluations ?? []) as Evaluation[])

t.test('Kyverno: a list of reports, each resource an evaluation', async (t) => {
  const reports = fromPolicyReport(kyverno)
  t.same(
    evaluationsOf(reports).map(({ rule_id, target, verdict, severity }) => [rule_id, target, `${verdict}/${severity}`]),
    [
      ['disallow-privileged-containers/autogen-privileged-containers', 'Deployment/shop/장바구니', 'pass/info'],
      ['require-requests-limits/autogen-validate-resources', 'Deployment/shop/장바구니', 'block/block'],
      ['disallow-latest-tag/require-image-tag', 'Deployment/shop/장바구니', 'warn/warn'],
      ['require-labels/check', 'Deployment/shop/장바구니', 'warn/warn'],
      ['add-networkpolicy/default-deny', 'Namespace/shop', 'warn/info'],
      ['add-networkpolicy/default-deny', 'Namespace/blog', 'warn/info'],
      ['webhook/call', 'cluster', 'warn/warn'],
    ],
  )
  t.match(reports, [
    {
      status: { policy: 'fail' },
      policy: { created_at: '2026-11-21T06:03:21.000Z' },
      notes: ['Trivy Vulnerability, kyverno: 1 pass, 4 fail, 1 error, 1 skip'],
    },
  ])
  t.match(evaluationsOf(reports)[1]?.message, 'limits are required. 👀')
})

const report = (result: object, more: object = {}) => ({
  apiVersion: 'openreports.io/v1alpha1',
  kind: 'Report',
  metadata: { namespace: 'shop' },
  results: [{ policy: 'p', rule: 'r', result: 'fail', ...result }],
  ...more,
})
const one = (result: object, more?: object) => evaluationsOf(fromPolicyReport(report(result, more)))[0] as Evaluation

t.test('a failure counts by its severity, in full without one, and less when it is not scored', async (t) => {
  const judged = (result: object) => `${one(result).verdict}/${one(result).severity}`
  t.equal(judged({}), 'block/block')
  t.equal(judged({ severity: 'critical' }), 'block/block')
  t.equal(judged({ severity: 'medium' }), 'warn/warn')
  t.equal(judged({ severity: 'low' }), 'warn/info')
  t.equal(judged({ severity: 'high', scored: false }), 'warn/warn')
  t.equal(judged({ result: 'warn' }), 'warn/warn')
  t.equal(judged({ result: 'pass', severity: 'critical' }), 'pass/info')
  t.equal(judged({ result: 'perhaps' }), 'warn/warn', 'what cannot be understood is an error')
  t.equal(judged({ result: undefined, status: 'pass' }), 'pass/info', 'v1alpha1 called it status')
})

t.test('a target is the resource, or what the report is about', async (t) => {
  t.equal(one({ subjects: [{ kind: 'Pod', namespace: 'shop', name: 'a' }] }).target, 'Pod/shop/a')
  t.equal(one({}, { scope: { kind: 'Node', name: 'n1' } }).target, 'Node/n1')
  t.equal(one({}).target, 'Namespace/shop')
  t.equal(one({ resources: [{}] }).target, 'Namespace/shop')
  t.equal(one({ policy: undefined, rule: undefined }).rule_id, 'unnamed policy')
  t.equal(one({ resources: [{ kind: 'Pod', name: '장'.normalize('NFD') }] }).target, 'Pod/장')
})

t.test('times are taken from the newest result, and nonsense is none', async (t) => {
  const created = (seconds: unknown) => fromPolicyReport(report({ timestamp: { seconds } }))[0]?.policy?.created_at
  t.equal(created('1795241001'), '2026-11-21T06:03:21.000Z')
  for (const seconds of [0, -5, 1e15, 'soon', null, undefined]) t.equal(created(seconds), undefined)
})

t.test('what is no PolicyReport is refused; any results at all are read without another throw', async (t) => {
  for (const value of [null, [], {}, { kind: 'Pod', apiVersion: 'v1' }, { kind: 'PolicyReport', apiVersion: 'v1' }]) {
    t.throws(() => fromPolicyReport(value), /not a PolicyReport/)
  }
  t.throws(() => fromPolicyReport({ kind: 'List', items: [kyverno.items[0], {}] }), /not a PolicyReport/)
  t.match(fromPolicyReport({ kind: 'List', items: [] }), [{ status: { policy: 'na' } }])
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (results) => {
      const reports = fromPolicyReport(report({}, { results }))
      return evaluationsOf(reports).every(({ rule_id, target }) => rule_id !== '' && target !== '')
    }),
  )
})
