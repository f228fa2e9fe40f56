import fc from 'fast-check'
import t from 'tap'
import { DEFAULT_TENANT } from '#shared/caller.ts'
import { collector, judged, SQLITE_ONLY, TEAM_A } from '../test/collector.ts'

const JSON_HEADERS = { 'content-type': 'application/json' }

interface Detail {
  report: unknown
  markdown?: string
}

t.test('a report is stored and answered with its id', async (t) => {
  const { ask } = await collector(t)
  const answer = await ask('/ingest/qc', { method: 'POST', payload: { status: { api: 'pass' } } })
  const { id, ...rest } = answer.json<{ id: string }>()
  t.equal(answer.statusCode, 201)
  t.match(id, /^report-\d{13}-[\da-z]{9}$/)
  t.same(rest, { status: 'ingested' })
  t.equal((await ask(`/reports/${id}`)).statusCode, 200)
})

t.test('a report comes back as it was sent, known and unknown members in their order', async (t) => {
  const { ask, ingest } = await collector(t)
  const report = {
    zeta: { unknown: [1, 2.5, -0.1, 1e21, null, true] },
    status: { api: 'pass', jwks: 'na', another: { deep: 1 }, count: 3 },
    diff: { summary: [{ id: 'lcp', trend: 'up', deltaPct: 3.2 }] },
    policy: {
      policy_version: 'v7',
      created_at: '2026-11-21T00:00:00Z',
      evaluations: [
        { rule_id: 'a', target: 't', verdict: 'pass', severity: 'info', message: 'fine' },
        { severity: 'warn', rule: 'b', result: 'slow' },
      ],
    },
    topN: [{ any: 'thing' }],
    notes: [
      '한글'.normalize('NFC'),
      '한글'.normalize('NFD'),
      '👩‍👩‍👧 🇰🇷',
      'עברית',
      '"quotes" \\ \u0000 \u2028',
      "'; DROP TABLE reports; --",
    ],
    raw: { text: 'please update the index; drop by' },
  }
  const id = await ingest(report)
  const text = (await ask(`/reports/${id}`)).body
  t.ok(text.includes(JSON.stringify(report)), 'byte for byte')
  t.match((await ask('/reports')).json(), { reports: [{ id, severity: 'warn', policyVersion: 'v7' }] })
})

t.test('a report without a status object is refused with the name of the field', async (t) => {
  const { ask } = await collector(t)
  const bodies = [{}, { notes: [] }, { status: null }, { status: 'pass' }, { status: ['pass'] }, { status: '{}' }]
  for (const payload of bodies) {
    const answer = await ask('/ingest/qc', { method: 'POST', payload })
    t.equal(answer.statusCode, 400, JSON.stringify(payload))
    t.match(answer.json(), { errors: [{ in: 'body', field: 'status' }] })
  }
  const whole = ['[]', '"{}"', '7', 'null', '', '{"status":{}', '{"status":{},"raw":1e400}']
  for (const payload of whole) {
    const headers = { 'content-type': 'application/json' }
    t.equal((await ask('/ingest/qc', { method: 'POST', payload, headers })).statusCode, 400, payload)
  }
})

t.test('markdown beside the report is kept apart from it; none, null and empty are the same', async (t) => {
  const { ask, ingest } = await collector(t)
  const detail = async (id: string) => (await ask(`/reports/${id}`)).json<Detail>()
  const sent = await detail(await ingest({ status: {}, markdown: '# 보고서\n' }))
  t.equal(sent.markdown, '# 보고서\n')
  t.same(sent.report, { status: {} })
  for (const markdown of [null, '', undefined]) {
    const none = await detail(await ingest({ status: {}, markdown }))
    t.notOk('markdown' in none)
    t.same(none.report, { status: {} })
  }
  const bad = await ask('/ingest/qc', { method: 'POST', payload: { status: {}, markdown: 7 } })
  t.match([bad.statusCode, bad.json()], [400, { errors: [{ field: 'markdown' }] }])
})

t.test('a report over the size limit is a 413, one at it is stored', async (t) => {
  const { ask } = await collector(t, { COLLECTOR_BODY_MAX_BYTES: '2048' })
  const post = async (bytes: number) => {
    const frame = JSON.stringify({ status: {}, raw: '' }).length
    const payload = { status: {}, raw: 'x'.repeat(bytes - frame) }
    return (await ask('/ingest/qc', { method: 'POST', payload })).statusCode
  }
  t.equal(await post(2048), 201)
  t.equal(await post(2049), 413)
})

t.test('a retry with the same Idempotency-Key stores nothing and gives the first id', async (t) => {
  const { ask, ingest } = await collector(t)
  const headers = { 'idempotency-key': 'k1' }
  const first = await ingest({ status: { n: 1 } }, headers)
  t.equal(await ingest({ status: { n: 1 } }, headers), first)
  const other = await ask('/ingest/qc', { method: 'POST', payload: { status: { n: 2 } }, headers })
  t.equal(other.statusCode, 422)
  t.not(await ingest({ status: { n: 1 } }, { ...headers, ...TEAM_A }), first, "keys are the tenant's own")
  t.match((await ask('/reports')).json(), { pagination: { totalCount: 1 } })
  const counted = (await ask('/metrics')).body
  t.match(counted, 'collector_reports_ingested_total{severity="none"} 2', 'a replay is not counted')
})

t.test('the same report within a day is stored once, whoever sends it again; then it is a new one', async (t) => {
  const { ask, ingest, sql } = await collector(t)
  const report = { status: { api: 'pass' }, markdown: '# 가' }
  const send = (payload: unknown, headers = {}) => ask('/ingest/qc', { method: 'POST', payload, headers })
  const first = await ingest(report)
  const again = await send(report)
  t.match([again.statusCode, again.json()], [201, { id: first, status: 'ingested' }])
  t.equal(again.headers['idempotency-replayed'], 'true')
  t.equal(
    await ingest(`{ "status":\n{"api":"p\\u0061ss"},"markdown":"# 가"}` as never, JSON_HEADERS),
    first,
    'spaces do not matter',
  )
  t.equal(await ingest(report, { 'idempotency-key': 'other' }), first)
  t.not(await ingest({ ...report, markdown: '# 나' }), first)
  t.not(await ingest(report, TEAM_A), first, "another tenant's report is its own")
  t.match((await ask('/metrics')).body, 'collector_reports_received_total{outcome="duplicate"} 3')

  await sql(`UPDATE report_hashes SET createdAt = createdAt - ${23 * 3_600_000}`)
  t.equal(await ingest(report), first)
  await sql(`UPDATE report_hashes SET createdAt = createdAt - ${3_600_000}`)
  const later = await ingest(report)
  t.not(later, first)
  t.equal(await ingest(report), later)
  t.equal((await ask(`/reports/${later}`, { method: 'DELETE' })).statusCode, 204)
  t.not(await ingest(report), later, 'one that was deleted is not there to be the first')
})

t.test('what was stored once is known after a restart, and twice in one batch', async (t) => {
  const first = await collector(t)
  const ids = []
  for (let n = 0; n < 3; n++) ids.push(await first.ingest({ status: { n } }))
  await first.close()
  const second = await collector(t, { DATA_DIR: first.dataDir })
  for (let n = 0; n < 3; n++) t.equal(await second.ingest({ status: { n } }), ids[n])
  const item = { tenantId: DEFAULT_TENANT, text: '{"status":{"n":"twice"}}' }
  t.match(await second.writer.ingest([item, item]), [
    { value: { status: 'stored' } },
    { value: { status: 'duplicate' } },
  ])
})

t.test('beyond INGEST_DEDUPE_MAX the oldest are not known again', SQLITE_ONLY, async (t) => {
  const { ingest } = await collector(t, { INGEST_DEDUPE_MAX: '2' })
  const ids = []
  for (let n = 0; n < 40; n++) ids.push(await ingest({ status: { n } }))
  t.equal(await ingest({ status: { n: 39 } }), ids[39])
  t.equal(await ingest({ status: { n: 38 } }), ids[38])
  t.not(await ingest({ status: { n: 0 } }), ids[0])
})

t.test('contents past their time are forgotten', async (t) => {
  const { writer, sql, ingest } = await collector(t, { INGEST_DEDUPE_HOURS: '2' })
  for (let n = 0; n < 3; n++) await ingest({ status: { n } })
  t.equal(await writer.run('forgetContents', Date.now() + 2 * 3_600_000 + 1000, 2), 2)
  t.same(await sql('SELECT count(*) AS n FROM report_hashes'), [{ n: 1 }])
})

t.test('each limit of a report has its edge: depth, keys, texts, numbers', async (t) => {
  const { ask } = await collector(t, {
    JSON_MAX_DEPTH: '5',
    JSON_MAX_KEYS: '10',
    REPORT_STRING_MAX: '8',
    REPORT_NUMBER_MAX: '1e6',
  })
  const deep = (n: number): unknown => (n === 0 ? 1 : [deep(n - 1)])
  const edges: [unknown, unknown, RegExp][] = [
    [deep(4), deep(5), /nested deeper than 5/],
    [Array(8).fill(0), Array(9).fill(0), /more than 10 keys/],
    ['가'.repeat(8), '가'.repeat(9), /text longer than 8/],
    [{ ['k'.repeat(8)]: 1 }, { ['k'.repeat(9)]: 1 }, /text longer than 8/],
    [[1e6, -1e6], [-1000001], /number that is out of range/],
  ]
  for (const [good, bad, message] of edges) {
    const send = (raw: unknown) => ask('/ingest/qc', { method: 'POST', payload: { status: {}, raw } })
    t.equal((await send(good)).statusCode, 201, JSON.stringify(good))
    const refused = await send(bad)
    t.match([refused.statusCode, refused.json()], [400, { errors: [{ in: 'body', message }] }])
    const batch = await ask('/ingest/qc/batch', { method: 'POST', payload: [{ status: {}, raw: bad }] })
    t.match(batch.json(), { items: [{ status: 'rejected', errors: [{ message }] }] })
  }
})

t.test('a key that names a prototype is refused', async (t) => {
  const { ask } = await collector(t)
  for (const payload of ['{"status":{},"__proto__":{}}', '{"status":{},"raw":{"constructor":{"prototype":1}}}']) {
    const answer = await ask('/ingest/qc', { method: 'POST', payload, headers: JSON_HEADERS })
    t.match([answer.statusCode, answer.json()], [400, { message: /names a prototype/ }], payload)
  }
})

t.test('labels that are not allowed are counted, and the report stays as it was sent', async (t) => {
  const { ask, ingest, sql } = await collector(t, { LABEL_ALLOWLIST: 'team' })
  const id = await ingest({ status: {}, labels: { team: 'a', decision: 'b', x: 1 } })
  t.match((await ask(`/reports/${id}`)).json(), { report: { labels: { team: 'a', decision: 'b', x: 1 } } })
  t.same(await sql('SELECT labels FROM reports'), [{ labels: '{"team":"a"}' }])
  t.match((await ask('/metrics')).body, 'collector_labels_dropped_total 2')
})

t.test('fifty reports at once are fifty reports', async (t) => {
  const { ask, ingest } = await collector(t)
  const ids = await Promise.all(Array.from({ length: 50 }, (_, n) => ingest({ ...judged('warn'), raw: n })))
  t.equal(new Set(ids).size, 50)
  t.match((await ask('/reports?severity=warn')).json(), { pagination: { totalCount: 50 } })
})

t.test('any JSON is stored or refused, never a server error, and what is stored comes back', async (t) => {
  const { ask } = await collector(t, { COLLECTOR_BODY_MAX_BYTES: '20000', JSON_MAX_KEYS: '200' })
  const post = (payload: string) =>
    ask('/ingest/qc', { method: 'POST', payload, headers: { 'content-type': 'application/json' } })
  const json = fc.json({ maxDepth: 40, stringUnit: 'binary' })
  const shaped = fc
    .record({ status: fc.jsonValue(), policy: fc.jsonValue(), markdown: fc.jsonValue() }, { requiredKeys: ['status'] })
    .map((value) => JSON.stringify(value))
  const wide = fc
    .integer({ min: 1, max: 30_000 })
    .chain((n) =>
      fc.constantFrom(
        `{"status":${'{"a":'.repeat(n)}1${'}'.repeat(n)}}`,
        `{"status":{},"raw":${'['.repeat(n)}${']'.repeat(n)}}`,
        `{"status":{},"raw":[${Array(n).fill(1).join()}]}`,
      ),
    )
  await fc.assert(
    fc.asyncProperty(fc.oneof(json, shaped, wide), async (payload) => {
      const answer = await post(payload)
      if (answer.statusCode !== 201) return answer.statusCode === 400 || answer.statusCode === 413
      const back = (await ask(`/reports/${answer.json<{ id: string }>().id}`)).json<Detail>()
      const { markdown, ...report } = JSON.parse(payload) as Record<string, unknown>
      t.same([back.report, back.markdown ?? ''], [report, markdown ?? ''])
      return true
    }),
    { numRuns: 200 },
  )
})
