import t from 'tap'
import { gradeOf } from './grade.ts'
import type { Check, TargetRun } from './run.ts'
import { check, loadOf, refused, routeRun, targetRun } from './test/sample-run.ts'

const failed = (kind: Check['kind']) => check('diary', kind, { kind, ok: false })
const load = loadOf([routeRun('GET /timeline')])
const degraded = (...checks: Check[]): TargetRun => targetRun('diary', 'degraded', checks)

t.test('a run in which nothing failed is A, and A+ when a load proved it', async (t) => {
  const targets = [targetRun('gateway')]
  t.same(gradeOf({ targets, checks: [] }), { verdict: 'healthy', exit_code: 0, grade: 'A', score: 100 })
  t.same(gradeOf({ targets, checks: [], load }), { verdict: 'healthy', exit_code: 0, grade: 'A+', score: 100 })
})

t.test('any dead critical process is F and exit code 2, whatever the points', async (t) => {
  const targets = [targetRun('gateway'), targetRun('diary', 'down', [refused('diary', 'live')])]
  t.same(gradeOf({ targets, checks: [], load }), { verdict: 'down', exit_code: 2, grade: 'F', score: 60 })
})

t.test('a process that is not critical and down degrades', async (t) => {
  const down = { ...targetRun('wiki', 'down', [refused('wiki', 'live'), refused('wiki', 'ready')]), critical: false }
  t.same(gradeOf({ targets: [targetRun('gateway'), down], checks: [] }), {
    verdict: 'degraded',
    exit_code: 1,
    grade: 'D',
    score: 60,
  })
})

t.test('each failure costs its points, and the points make the grade', async (t) => {
  const grades = [
    [[failed('limit')], 95, 'B'],
    [[failed('probe')], 85, 'B'],
    [[failed('probe'), failed('limit')], 80, 'C'],
    [[failed('field'), failed('field'), failed('field'), failed('budget')], 70, 'C'],
    [[failed('probe'), failed('probe'), failed('limit')], 65, 'D'],
    [[failed('probe'), failed('probe'), failed('probe'), failed('budget')], 49, 'F'],
    [Array.from({ length: 20 }, () => failed('field')), 0, 'F'],
  ] as const
  for (const [checks, score, grade] of grades) {
    t.match(gradeOf({ targets: [degraded(...checks)], checks: [], load }), { score, grade, exit_code: 1 })
  }
})

t.test('a missed budget alone degrades', async (t) => {
  const budget = check('load', 'GET /timeline p99_ms', { kind: 'budget', ok: false })
  t.match(gradeOf({ targets: [targetRun('gateway')], checks: [budget], load }), { exit_code: 1, score: 94, grade: 'B' })
})
