import fc from 'fast-check'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Evaluation, QcReport } from '../report.ts'
import { fromSarif } from './sarif.ts'

const sample = (name: string) =>
  JSON.parse(readFileSync(path.join(import.meta.dirname, `../test/samples/${name}.sarif.json`), 'utf8')) as unknown
const ROOT = '/home/runner/work/app/app'

const evaluationsOf = (reports: QcReport[]) =>
  reports.flatMap(({ policy }) => (policy?.evaluations ?? []) as Evaluation[])

t.test('ESLint: level, file without its escapes, line beside it, suppressed is let pass', async (t) => {
  const reports = fromSarif(sample('eslint'), { root: ROOT })
  t.same(evaluationsOf(reports), [
    {
      rule_id: 'no-unused-vars',
      target: 'src/달력.ts',
      verdict: 'block',
      severity: 'block',
      message: "'x' is assigned a value but never used.",
      line: 3,
    },
    {
      rule_id: 'eqeqeq',
      target: 'src/달력.ts',
      verdict: 'pass',
      severity: 'info',
      message: "Suppressed (compares with null): Expected '===' and instead saw '=='.",
      line: 9,
    },
  ])
  t.match(reports, [
    {
      status: { analysis: 'fail' },
      policy: { policy_version: 'ESLint 9.39.5' },
      notes: ['ESLint: 1 error, 1 suppressed'],
    },
  ])
})

t.test('CodeQL: rules of extensions, security severity, messages by id, kinds, and a run that failed', async (t) => {
  const reports = fromSarif(sample('codeql'))
  t.same(
    evaluationsOf(reports).map(({ rule_id, target, verdict, severity, message }) => [
      `${verdict}/${severity}`,
      rule_id,
      target,
      message,
    ]),
    [
      ['block/block', 'js/sql-injection', 'src/db.js', 'This query string depends on a [user-provided value](1).'],
      ['warn/info', 'js/unused-local-variable', 'app.main', 'Unused variable 이름 in {braces}.'],
      ['warn/warn', 'js/sql-injection/variant', '', 'Have a look'],
      ['pass/info', 'js/gone', '', 'Gone: Old'],
      ['pass/info', 'js/passes', '', 'Fine'],
      ['block/block', 'Trivy: execution', '', 'database is locked'],
    ],
  )
  t.match(reports, [
    {
      status: { analysis: 'fail' },
      policy: { policy_version: 'CodeQL 2.19.3, Trivy 0.57.0', created_at: '2026-11-21T06:12:13.000Z' },
    },
  ])
})

const log = (result: object, driver: object = {}) => ({
  version: '2.1.0',
  runs: [{ tool: { driver: { name: 'tool', ...driver } }, results: [result] }],
})
const one = (result: object, driver?: object) => evaluationsOf(fromSarif(log(result, driver)))[0] as Evaluation

t.test("the level is the result's, or its rule's, or warning; a security score makes it worse only", async (t) => {
  const rules = (rule: object) => ({ rules: [{ id: 'r', ...rule }] })
  t.equal(one({ ruleId: 'r' }).severity, 'warn')
  t.equal(one({ ruleId: 'r' }, rules({ defaultConfiguration: { level: 'error' } })).severity, 'block')
  t.equal(one({ ruleId: 'r', level: 'note' }, rules({ defaultConfiguration: { level: 'error' } })).severity, 'info')
  t.equal(one({ ruleId: 'r', level: 'shout' }).severity, 'warn')
  const score = (value: unknown, level: string) =>
    one({ ruleId: 'r', level }, rules({ properties: { 'security-severity': value } })).severity
  t.equal(score('7.0', 'note'), 'block')
  t.equal(score(4, 'note'), 'warn')
  t.equal(score('3.9', 'note'), 'info')
  t.equal(score('2.0', 'error'), 'block')
  t.equal(score('high', 'warning'), 'warn')
  t.equal(score('9.8', 'none'), 'info', 'what is no problem does not become one')
})

t.test(
  'a rule is found by index, by id or as the stem of a finer id; its text stands in for a missing message',
  async (t) => {
    const rules = [
      { id: 'CA1000', shortDescription: { text: 'No statics' } },
      { name: 'Named', id: 'B' },
    ]
    t.match(one({ ruleId: 'CA1000/private' }, { rules }), { rule_id: 'CA1000/private', message: 'No statics' })
    t.match(one({ ruleIndex: 1 }, { rules }), { rule_id: 'B', message: 'Named' })
    t.match(one({}, {}), { rule_id: 'unnamed rule', message: '' })
    t.match(one({ message: { id: 'constructor' } }, { rules }), { message: '' })
  },
)

t.test('a suppression that is under review or rejected does not count', async (t) => {
  const suppressed = (...statuses: (string | undefined)[]) =>
    one({ level: 'error', suppressions: statuses.map((status) => ({ kind: 'external', status })) }).verdict
  t.equal(suppressed(), 'block')
  t.equal(suppressed('accepted'), 'pass')
  t.equal(suppressed(undefined), 'pass')
  t.equal(suppressed('underReview'), 'block')
  t.equal(suppressed('accepted', 'rejected'), 'block')
})

t.test('files are named alike however they are written', async (t) => {
  const target = (uri: string) => one({ locations: [{ physicalLocation: { artifactLocation: { uri } } }] }).target
  t.equal(target('file:///C:/src/a%20b.ts'), 'C:/src/a b.ts')
  t.equal(target('./src/a.ts'), 'src/a.ts')
  t.equal(target('src\\a.ts'), 'src/a.ts')
  t.equal(target('src/100%.ts'), 'src/100%.ts')
  t.equal(target(`src/${encodeURIComponent('달력'.normalize('NFD'))}.ts`), 'src/달력.ts')
})

t.test('what is no SARIF 2.1.0 is refused; any runs at all are read without another throw', async (t) => {
  for (const value of [null, [], {}, { runs: {} }]) t.throws(() => fromSarif(value), /no array `runs`/)
  t.throws(() => fromSarif({ version: '2.0.0', runs: [] }), /not SARIF 2.1.0/)
  t.match(fromSarif({ version: '2.1.0', runs: [] }), [{ status: { analysis: 'na' } }])
  const keys = [
    'tool',
    'driver',
    'rules',
    'results',
    'ruleId',
    'ruleIndex',
    'rule',
    'message',
    'text',
    'locations',
    'kind',
  ]
  const json = fc.letrec((tie) => ({
    value: fc.oneof({ depthSize: 'medium' }, fc.constantFrom(null, 1, -1, 'x', true), tie('list'), tie('object')),
    list: fc.array(tie('value'), { maxLength: 3 }),
    object: fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 5 }),
  }))
  fc.assert(
    fc.property(fc.array(json.value), (runs) => {
      const reports = fromSarif({ version: '2.1.0', runs })
      return JSON.stringify(reports) === JSON.stringify(fromSarif({ version: '2.1.0', runs }))
    }),
  )
})
