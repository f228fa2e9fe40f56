import fc from 'fast-check'
import t from 'tap'
import { batchVerdicts, refusalErrors, singleVerdict } from './verdicts.ts'

const ITEMS = [
  { index: 0, status: 'stored', id: 'a' },
  { index: 1, status: 'rejected', errors: [{ field: 'status', message: 'is required', in: 'body' }], retryable: false },
  { index: 2, status: 'quarantined', id: 'c', errors: ['too long'] },
  { index: 3, status: 'rejected', retryable: true },
  { index: 4, status: 'duplicate' },
]
const EXPECTED = [
  { index: 0, verdict: { status: 'stored', id: 'a' } },
  {
    index: 1,
    verdict: {
      status: 'rejected',
      errors: [{ field: 'status', message: 'is required', in: 'body' }],
      retryable: false,
    },
  },
  { index: 2, verdict: { status: 'quarantined', id: 'c', errors: [{ message: 'too long' }] } },
  { index: 3, verdict: { status: 'rejected', errors: [], retryable: true } },
  { index: 4, verdict: { status: 'duplicate' } },
]

t.test('verdicts are read from an array, from an array within an object and from lines', async (t) => {
  const lines = ITEMS.map((item) => JSON.stringify(item)).join('\n')
  t.same(batchVerdicts(JSON.stringify(ITEMS), 5), EXPECTED)
  t.same(batchVerdicts(JSON.stringify({ received: 5, results: ITEMS }), 5), EXPECTED)
  t.same(batchVerdicts(lines, 5), EXPECTED)
  t.same(batchVerdicts(`${lines}\n{"summary":{"stored":1}}\n`, 5), EXPECTED)
  t.same(batchVerdicts(JSON.stringify(ITEMS[0]), 5), EXPECTED.slice(0, 1), 'a single line')
})

t.test('what is no verdict on a report of the batch is passed over, and the first word counts', async (t) => {
  const answer = [
    { index: 0, status: 'stored', id: 'a' },
    { index: 0, status: 'rejected', retryable: false },
    { index: 5, status: 'stored' },
    { index: -1, status: 'stored' },
    { index: 1.5, status: 'stored' },
    { index: '1', status: 'stored' },
    { index: 1, status: 'lost' },
    null,
    'stored',
    { index: 2, status: 'rejected', retryable: 'yes' },
  ]
  t.same(batchVerdicts(JSON.stringify(answer), 5), [
    EXPECTED[0],
    { index: 2, verdict: { status: 'rejected', errors: [], retryable: false } },
  ])
})

t.test('any answer at all is read without a throw', async () => {
  const text = fc.oneof(
    fc.json(),
    fc.string(),
    fc.array(fc.json()).map((lines) => lines.join('\n')),
  )
  fc.assert(
    fc.property(text, fc.nat(5), (answer, count) => {
      singleVerdict(answer)
      refusalErrors(400, answer)
      return batchVerdicts(answer, count).every(({ index }) => index >= 0 && index < count)
    }),
  )
})

t.test('a single answer counts only when it has the id of a report', async (t) => {
  t.same(singleVerdict('{"id":"r","status":"ingested"}'), { status: 'stored', id: 'r' })
  for (const status of ['ingested', 'stored', 'duplicate']) {
    const answer = JSON.stringify({ id: 'r', status })
    t.same(singleVerdict(answer, true), { status: 'duplicate', id: 'r' }, 'the answer of an earlier request')
  }
  t.same(singleVerdict('{"id":"r","status":"duplicate"}'), { status: 'duplicate', id: 'r' })
  t.same(singleVerdict('{"id":"r","status":"quarantined","errors":[{"message":"m"}]}'), {
    status: 'quarantined',
    id: 'r',
    errors: [{ message: 'm' }],
  })
  for (const text of ['', '<html>Welcome to the hotel</html>', '{}', 'null', '[]', '{"id":7}']) {
    t.equal(singleVerdict(text), undefined, text)
  }
})

t.test('a refusal says what a problem document says, or at least the status', async (t) => {
  const errors = [{ in: 'body', field: 'status', message: 'is required' }]
  t.same(refusalErrors(400, JSON.stringify({ title: 'x', errors })), errors)
  t.same(refusalErrors(403, '{"title":"Forbidden","detail":"Not yours"}'), [{ message: 'Not yours (HTTP 403)' }])
  t.same(refusalErrors(400, '{"error":"Bad"}'), [{ message: 'Bad (HTTP 400)' }])
  t.same(refusalErrors(418, 'I am a teapot'), [{ message: 'HTTP 418' }])
  t.same(refusalErrors(400, '{"errors":[{"code":7}]}'), [{ message: '{"code":7}' }])
})
