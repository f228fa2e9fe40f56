import fc from 'fast-check'
import t from 'tap'
import { markdownOf } from './markdown.ts'

t.test('a report becomes a page in the order Status, Diff, Policy, Notes', async (t) => {
  const page = markdownOf('report-1-abc', {
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
  })
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
  t.equal(markdownOf('r', { status: {} }), '# Quality report r\n\n## Status\n\nNothing was checked.\n')
  t.match(markdownOf('r', { status: {}, notes: 'one remark' }), '\n- one remark\n')
  t.match(markdownOf('r', { status: {}, policy: { policy_version: 3, evaluations: 'none' } }), 'Version: 3')
})

t.test('text in a report cannot become markup, HTML or another row', async (t) => {
  const page = markdownOf('r', {
    status: { 'a|b': '<img src=x onerror=alert(1)>\n## Policy' },
    notes: ['[x](javascript:1)'],
  })
  t.match(page, '| a\\|b | \\<img src=x onerror=alert(1)\\> \\#\\# Policy |')
  t.match(page, '- \\[x\\](javascript:1)')
})

t.test('any JSON makes a page', async () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (status, diff, policy, notes) => {
      return markdownOf('r', { status, diff, policy, notes }).endsWith('\n')
    }),
  )
  fc.assert(
    fc.property(fc.array(fc.jsonValue()), (list) => {
      const report = { status: list, diff: { summary: list }, policy: { evaluations: list }, notes: list }
      return markdownOf('r', report).endsWith('\n')
    }),
  )
})
