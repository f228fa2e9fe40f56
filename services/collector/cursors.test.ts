import { encodeCursor } from '#shared/pagination.ts'
import fc from 'fast-check'
import t from 'tap'
import { collector, judged } from './test/collector.ts'

const SORTS = ['createdAt', '-createdAt', 'severity', '-severity']
const numbers = [0, 1, -1, 0.5, 1e308, -1e308, 2 ** 31, 2 ** 53 - 1, -(2 ** 53 - 1), 2 ** 53, 1e19, -1e19]

/** What somebody makes of a cursor: keys of any kind and length, and rubbish. */
const part = fc.oneof(
  { arbitrary: fc.constantFrom(...numbers), weight: 4 },
  fc.double({ noNaN: true }),
  fc.maxSafeInteger(),
  fc.constantFrom('', 'a', 'a\0b', '\ud800', '\u{10ffff}', "'; --"),
  fc.string({ unit: 'binary', maxLength: 10 }),
)
const forged = fc.oneof(
  { arbitrary: fc.array(part, { minLength: 1, maxLength: 3 }).map(encodeCursor), weight: 8 },
  fc.json({ maxDepth: 2 }).map((text) => Buffer.from(text).toString('base64url').slice(0, 256)),
  fc.string({ maxLength: 20 }),
)

t.test('a cursor that no list gave out is refused or leads somewhere, and never breaks a list', async (t) => {
  const it = await collector(t)
  const id = await it.ingest(judged('warn'))
  await it.ask(`/reports/${id}/sign`, { method: 'POST', payload: {} })
  const [finding] = (await it.ask('/findings')).json<{ findings: { fingerprint: string }[] }>().findings
  const lists = [
    '/reports?',
    ...SORTS.map((sort) => `/reports?sort=${sort}`),
    '/findings?',
    `/findings/${finding?.fingerprint}?`,
    '/alerts?',
    '/alerts/notifications?',
    '/admin/retention/runs?',
    '/admin/retention/holds?',
    '/admin/audit/logs?',
    '/admin/tenants?',
    `/reports/${id}/sign-history?`,
  ]
  for (const list of lists) {
    const { statusCode } = await it.ask(list)
    t.equal(statusCode, 200, list)
    const ask = async (cursor: string) => {
      const { statusCode: status, body } = await it.ask(`${list}&cursor=${encodeURIComponent(cursor)}`)
      if (status !== 200 && status !== 400) throw new Error(`${list} with ${cursor} answered ${status} ${body}`)
    }
    for (const value of numbers) for (const other of ['x', 1, 0.5]) await ask(encodeCursor([value, other]))
    for (const value of numbers) await ask(encodeCursor([value]))
    await t.resolves(fc.assert(fc.asyncProperty(forged, ask), { numRuns: 60 }), list)
  }
})

t.test('a version of a schema that no column can hold is refused', async (t) => {
  const it = await collector(t)
  t.equal((await it.ask('/schemas/qc-report?version=2147483647')).statusCode, 404)
  for (const version of ['2147483648', '9007199254740991']) {
    t.match((await it.ask(`/schemas/qc-report?version=${version}`)).json(), {
      status: 400,
      errors: [{ field: 'version' }],
    })
  }
})
