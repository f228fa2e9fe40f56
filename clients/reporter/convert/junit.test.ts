import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { Evaluation, QcReport } from '../report.ts'
import { createJunitReader, fromJunit } from './junit.ts'
import type { ConvertOptions } from './report-of.ts'

const SAMPLES = path.join(import.meta.dirname, '../test/samples')
const sample = (name: string) => readFileSync(path.join(SAMPLES, `${name}.xml`), 'utf8')
const ROOT = '/home/runner/work/app/app'

const evaluationsOf = (reports: QcReport[]) =>
  reports.flatMap(({ policy }) => (policy?.evaluations ?? []) as Evaluation[])
/** `verdict/severity rule @ target: message`, one a line. */
const rowsOf = (name: string, options: ConvertOptions = { root: ROOT }) =>
  evaluationsOf(fromJunit(sample(name), options)).map(
    ({ rule_id, target, verdict, severity, message }) => `${verdict}/${severity} ${rule_id} @ ${target}: ${message}`,
  )

t.test('Surefire: passed, failed, error, flaky and skipped', async (t) => {
  t.same(rowsOf('surefire'), [
    'pass/info kr.example.CalendarTest > addsAnEvent @ kr.example.CalendarTest: ',
    'block/block kr.example.CalendarTest > 설날은 사흘이다 @ kr.example.CalendarTest: expected: <3> but was: <2>',
    'block/block kr.example.CalendarTest > readsTheZone @ kr.example.CalendarTest: java.lang.NullPointerException',
    'warn/warn kr.example.CalendarTest > syncs @ kr.example.CalendarTest: connection reset',
    'warn/info kr.example.CalendarTest > onlyOnWindows @ kr.example.CalendarTest: Disabled on operating system: Linux',
  ])
  t.match(fromJunit(sample('surefire')), [
    {
      status: { tests: 'fail' },
      notes: [
        'junit: 1 passed, 1 failed, 1 error, 1 skipped, 1 flaky',
        'Failed: kr.example.CalendarTest > 설날은 사흘이다, kr.example.CalendarTest > readsTheZone',
      ],
      raw: { source: 'junit', counts: { passed: 1, failed: 1, error: 1, skipped: 1, flaky: 1 } },
    },
  ])
})

t.test('pytest: parameters, a collection error, and no colours of a terminal', async (t) => {
  t.same(rowsOf('pytest'), [
    'pass/info tests.test_holidays.TestLunar > test_solar[2033-11-윤달] @ pytest: ',
    'block/block tests.test_holidays > test_seollal[2027] @ pytest: AssertionError: assert datetime.date(2027, 2, 6) == datetime.date(2027, 2, 7)',
    'warn/info tests.test_holidays > test_remote @ pytest: needs network',
    'block/block pytest > tests.test_broken @ pytest: collection failure',
    'block/block tests.test_holidays > test_colours @ pytest: red bold',
  ])
  t.match(fromJunit(sample('pytest')), [
    { policy: { created_at: '2026-11-21T15:04:05.123456+09:00' }, raw: { tool: 'pytest tests' } },
  ])
})

t.test('Jest: the file is the target, relative to the folder that is named', async (t) => {
  t.same(rowsOf('jest'), [
    'pass/info 달력 shows the month @ src/달력.test.tsx: ',
    'block/block 달력 shows 🎂 birthdays @ src/달력.test.tsx: Error: expect(received).toBe(expected) // Object.is equality',
    'warn/info 달력 later @ src/달력.test.tsx: skipped',
    'pass/info adds one @ src/empty.test.ts: ',
  ])
  t.match(rowsOf('jest', {})[0], '@ /home/runner/work/app/app/src/')
})

t.test('Playwright, gotestsum and ESLint', async (t) => {
  t.same(rowsOf('playwright'), [
    'block/block login.spec.ts > sign-in › refuses a wrong password @ login.spec.ts: login.spec.ts:14:7 refuses a wrong password',
    'pass/info login.spec.ts > sign-in › greets @ login.spec.ts: ',
  ])
  t.same(rowsOf('gotestsum'), [
    'pass/info example.kr/najimban/ics > TestParse @ example.kr/najimban/ics: ',
    String.raw`block/block example.kr/najimban/ics > TestParse/CRLF @ example.kr/najimban/ics: ics_test.go:31: got "\r", want ""`,
    'warn/info example.kr/najimban/ics > TestZone @ example.kr/najimban/ics: ics_test.go:50: no tzdata',
  ])
  t.same(rowsOf('eslint'), [
    "block/block src/App > org.eslint.no-unused-vars @ src/App.tsx: 'x' is assigned a value but never used.",
    "block/block src/App > org.eslint.eqeqeq @ src/App.tsx: Expected '===' and instead saw '=='.",
  ])
})

t.test('the same text gives the same reports, in one piece or in many', async (t) => {
  for (const file of readdirSync(SAMPLES).filter((each) => each.endsWith('.xml'))) {
    const text = readFileSync(path.join(SAMPLES, file), 'utf8')
    const reader = createJunitReader({ root: ROOT })
    for (const character of text) reader.write(character)
    t.equal(JSON.stringify(reader.end()), JSON.stringify(fromJunit(text, { root: ROOT })), file)
  }
})

const suite = (inner: string) => `<testsuite name="s">${inner}</testsuite>`
const only = (inner: string, options?: ConvertOptions) => evaluationsOf(fromJunit(suite(inner), options))[0]

t.test(
  'Hangul in names is composed, so that macOS and Linux speak of the same test; messages stay as they are',
  async (t) => {
    const one = (form: 'NFC' | 'NFD') => {
      const text = '달력'.normalize(form)
      return only(`<testcase name="${text}" file="src/${text}.ts"><failure message="${text} 👩‍👩‍👧"/></testcase>`)
    }
    const [composed, decomposed] = [one('NFC'), one('NFD')]
    t.equal(composed?.rule_id, decomposed?.rule_id)
    t.equal(composed?.target, decomposed?.target)
    t.equal(decomposed?.message, `${'달력'.normalize('NFD')} 👩‍👩‍👧`)
  },
)

t.test('long texts are cut, not through an emoji, and long names stay different', async (t) => {
  const long = '😀'.repeat(400)
  const one = only(`<testcase name="${long}a"><failure message="x${'😀'.repeat(600)}"/></testcase>`)
  const other = only(`<testcase name="${long}b"/>`)
  t.ok((one?.rule_id.length ?? 0) <= 255)
  t.not(one?.rule_id, other?.rule_id)
  t.ok((one?.message?.length ?? 0) <= 1000)
  for (const text of [one?.rule_id, one?.message]) t.equal((text as string).isWellFormed(), true)
})

t.test('the worst that is said of a test counts, and its lines and suites are found', async (t) => {
  const twice = only('<testcase name="a" line="12"><failure message="first"/><error message="second"/></testcase>')
  t.match(twice, { rule_id: 's > a', verdict: 'block', message: 'second', line: 12 })
  const calm = only('<testcase name="a"><skipped/><flakyFailure message="x"/></testcase>')
  t.match(calm, { verdict: 'warn', severity: 'info', message: 'skipped' })
  t.match(only('<error message="could not start"/>'), {
    rule_id: 's > suite',
    verdict: 'block',
    message: 'could not start',
  })
  t.match(only('<testsuite name="inner"><testcase name="a"/></testsuite>'), { rule_id: 'inner > a', target: 'inner' })
  t.match(only('<testcase name="a" file="a\\b.ts"/>'), { target: 'a/b.ts' })
  t.match(evaluationsOf(fromJunit('<testsuite><testcase/></testsuite>')), [{ rule_id: 'unnamed test', target: '' }])
})

t.test('nothing tested is neither passed nor failed; flaky alone is a warning', async (t) => {
  t.match(fromJunit('<testsuites/>'), [{ status: { tests: 'na' }, notes: ['junit: nothing found'] }])
  t.match(fromJunit(suite('<testcase name="a"/>')), [{ status: { tests: 'pass' } }])
  t.match(fromJunit(suite('<testcase name="a"><flakyError/></testcase>')), [{ status: { tests: 'warn' } }])
})

t.test('more than one report may hold comes in several, each saying which part it is', async (t) => {
  const many = suite(Array.from({ length: 2500 }, (_, n) => `<testcase name="t${n}"/>`).join(''))
  const reports = fromJunit(many, { labels: { decision: 'go' }, policyVersion: 'v1' })
  t.same(
    reports.map(({ policy, raw }) => [policy?.evaluations?.length, (raw as { part: number }).part]),
    [
      [1000, 1],
      [1000, 2],
      [500, 3],
    ],
  )
  for (const report of reports) {
    t.match(report, { labels: { decision: 'go' }, policy: { policy_version: 'v1' }, raw: { parts: 3 } })
  }
  const wordy = `<testcase name="t"><failure message="${'가'.repeat(1000)}"/></testcase>`
  const large = fromJunit(suite(wordy.repeat(900)))
  t.ok(large.length > 1)
  for (const report of large) t.ok(Buffer.byteLength(JSON.stringify(report)) < 1_000_000)
})

t.test('what is no JUnit is refused with its line', async (t) => {
  t.throws(() => fromJunit('\n<html></html>'), { message: 'not JUnit: the root element is <html>', line: 2 })
  t.throws(() => fromJunit('<testsuite>\n<testcase>\n</testsuite>'), { message: /closes nothing/, line: 3 })
})
