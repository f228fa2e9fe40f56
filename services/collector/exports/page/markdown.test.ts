import fc from 'fast-check'
import t from 'tap'
import { markdownOf } from './markdown.ts'

t.test('a report becomes a page in the order Status, Diff, Policy, Notes', async (t) => {
  const page = markdownOf(
    'report-1-abc',
    {
      notes: ['첫 번째', { any: 'thing' }],
      policy: {
        policy_version: 'v2',
        evaluations: [
          { rule_id: 'size', target: 'app.js', verdict: 'warn', severity: 'warn', message: 'too big' },
          { rule: 'lint', result: 'clean', severity: 'info' },
        ],
      },
      diff: {
        summary: [
          { id: 'lcp', trend: 'up', deltaPct: 3.5 },
          { id: 'cls', trend: 'down', deltaPct: -2 },
        ],
      },
      status: { api: 'pass', ics: 'na' },
    },
    'en',
  )
  t.equal(
    page,
    `# Quality report report-1-abc

## Status

| Check | Status |
| --- | --- |
| api | pass |
| ics | na |

## Diff

| What | Trend | Change in % |
| --- | --- | --- |
| lcp | up | +3.5 |
| cls | down | -2 |

## Policy

Version: v2

| Rule | Target | Verdict | Severity | Message |
| --- | --- | --- | --- | --- |
| size | app.js | warn | warn | too big |
| lint |  | clean | info |  |

## Notes

- 첫 번째
- {"any":"thing"}
`,
  )
})

t.test('what a report has not is left out', async (t) => {
  t.equal(markdownOf('r', { status: {} }, 'en'), '# Quality report r\n\n## Status\n\nNothing was checked.\n')
  t.match(markdownOf('r', { status: {}, notes: 'one remark' }, 'en'), '\n- one remark\n')
  t.match(markdownOf('r', { status: {}, policy: { policy_version: 3, evaluations: 'none' } }, 'en'), 'Version: 3')
})

t.test('in Korean everything is Korean but what the sender wrote', async (t) => {
  const report = {
    status: { api: 'fail', lighthouse: 'na', other: 'weird' },
    diff: { summary: [{ id: 'lcp', trend: 'flat', deltaPct: 0 }] },
    policy: { policy_version: 'v2', evaluations: [{ rule_id: 'size', verdict: 'block', severity: 'block' }] },
    notes: ['pass'],
  }
  t.equal(
    markdownOf('r', report, 'ko'),
    `# 품질 보고서 r

## 상태

| 항목 | 상태 |
| --- | --- |
| api | 실패 |
| lighthouse | 해당 없음 |
| other | weird |

## 변화

| 대상 | 추세 | 변화율(%) |
| --- | --- | --- |
| lcp | 변화 없음 | 0 |

## 정책

버전: v2

| 규칙 | 대상 | 판정 | 심각도 | 설명 |
| --- | --- | --- | --- | --- |
| size |  | 차단 | 차단 |  |

## 비고

- pass
`,
  )
})

t.test('text in a report cannot become markup, HTML, another row or list, or a command to a terminal', async (t) => {
  const page = markdownOf(
    'r',
    {
      status: { 'a|b': '<img src=x onerror=alert(1)>\n## Policy' },
      notes: ['[x](javascript:1)', '- - inner', '1. one', '12) two', '+ plus', '===', '\u001b[31mred\u0000\ud800'],
    },
    'en',
  )
  t.match(page, '| a\\|b | \\<img src=x onerror=alert(1)\\> \\#\\# Policy |')
  t.match(page, '- \\[x\\](javascript:1)')
  t.match(page, '- \\- - inner\n- 1\\. one\n- 12\\) two\n- \\+ plus\n- \\===\n- \ufffd\\[31mred\ufffd\ufffd\n')
})

const nasty = fc.string({ unit: fc.constantFrom('<', '>', '\\', '\n', '- ', '`', '|', '&', '#', '[', 'a', '\u202e') })
/** Any JSON, some of it rich in what means something to Markdown, HTML or a terminal. */
const json = fc.oneof(
  nasty,
  fc.object({ key: nasty, values: [nasty, fc.integer()], maxDepth: 2 }),
  fc.jsonValue(),
  fc.string({ unit: 'binary' }),
)

t.test('any JSON makes a page without raw HTML', async (t) => {
  const isPlain = (page: string) => page.endsWith('\n') && !/(?<!\\)(?:\\\\)*[<>]/.test(page)
  t.ok(isPlain('a \\< b \\\\\\> c\n'))
  t.notOk(isPlain('a \\\\< b\n'))
  fc.assert(
    fc.property(json, json, json, json, (status, diff, policy, notes) =>
      isPlain(markdownOf('r', { status, diff, policy, notes }, 'ko')),
    ),
  )
  fc.assert(
    fc.property(fc.array(json), (list) => {
      const named = list.map((value) => ({ id: value, trend: value, rule: value, message: value, verdict: value }))
      const report = { status: { ...list }, diff: { summary: named }, policy: { evaluations: named }, notes: list }
      return isPlain(markdownOf('r', report, 'en'))
    }),
  )
})
