import t from 'tap'
import { collector, TEAM_A, TEAM_A_SENDER, TEAM_B } from '../test/collector.ts'
import { known, wider } from './test/known.ts'
import { registry } from './test/registry.ts'

t.test('a report that does not fit is stored, listed in quarantine with the exact errors, and counted', async (t) => {
  const { ask, ingest, list } = await registry(t)
  const good = await ingest({ status: {} })
  const id = await ingest({ status: {}, notes: 'a text', policy: { evaluations: [{ rule: 'r', severity: 'block' }] } })
  t.match(await list('state=quarantined'), { reports: [{ id, state: 'quarantined' }], pagination: { totalCount: 1 } })
  t.match(await list('state=quarantined&severity=block'), { pagination: { totalCount: 1 } })
  const stored = await list('state=stored')
  t.match(stored, { reports: [{ id: good }], pagination: { totalCount: 1 } })
  t.notOk('state' in (stored.reports[0] as object))
  t.match(await list('severity=block'), { pagination: { totalCount: 1 } })
  t.match(await list(''), { pagination: { totalCount: 2 } })
  t.match((await ask(`/reports/${id}`)).json(), {
    report: { notes: 'a text' },
    state: 'quarantined',
    errors: [{ in: 'body', field: 'notes', message: 'must be array,null' }],
  })
  t.equal((await ask('/reports?state=lost')).statusCode, 400)
  t.match((await ask('/metrics')).body, 'collector_reports_received_total{outcome="quarantined"} 1')
})

t.test('a newer schema and a replay take reports out of quarantine, into findings and counts', async (t) => {
  const { ask, ingest, list, put, replay } = await registry(t, { REPLAY_CHUNK: '2' })
  const evaluations = [{ rule: 'r', severity: 'warn', result: 'slow' }]
  const ids: string[] = []
  for (let n = 0; n < 5; n++) ids.push(await ingest({ status: {}, notes: `text ${n}`, policy: { evaluations } }))
  const worse = await ingest({ status: { api: 'ok' }, notes: 'text', policy: { evaluations } })
  await ingest({ status: {}, notes: 'x' }, TEAM_B)
  t.same(await replay(), { checked: 6, moved: 0 })
  t.equal((await put('qc-report', wider())).statusCode, 201)
  t.match(await list('state=quarantined'), { pagination: { totalCount: 6 } }, 'nothing moves by itself')
  t.same(await replay(), { checked: 6, moved: 5 })
  t.match(await list('state=quarantined'), { reports: [{ id: worse }], pagination: { totalCount: 1 } })
  t.match(await list('state=stored&severity=warn'), { pagination: { totalCount: 5 } })
  t.match((await ask(`/reports/${worse}`)).json(), { errors: [{ field: 'status.api' }] })
  t.notOk('errors' in (await ask(`/reports/${ids[0]}`)).json<object>())
  t.match((await ask('/findings')).json(), { findings: [{ rule: 'r', count: 5, message: 'slow' }] })
  t.same(await replay(), { checked: 1, moved: 0 })
  await ingest({ status: {}, notes: 'at once' })
  t.match(
    await list('state=quarantined'),
    { pagination: { totalCount: 1 } },
    'new reports are checked by the new version',
  )
  t.match((await ask('/reports?state=quarantined', { headers: TEAM_B })).json(), { pagination: { totalCount: 1 } })
})

t.test('versions of a schema are kept and shown; the same schema again is no new one', async (t) => {
  const { ask, put } = await registry(t)
  t.match((await ask('/schemas')).json(), { schemas: [{ name: 'qc-report', version: 1 }] })
  t.match((await ask('/schemas/qc-report')).json(), { version: 1, createdAt: 0, schema: { required: ['status'] } })
  t.match((await put('qc-report', known())).json(), { version: 1 })
  const made = await put('qc-report', wider())
  t.match([made.statusCode, made.json()], [201, { name: 'qc-report', version: 2, schema: wider() }])
  t.equal((await put('qc-report', wider())).statusCode, 200)
  t.match((await put('mobile', { type: 'object' })).json(), { name: 'mobile', version: 1 })
  t.match((await ask('/schemas')).json(), {
    schemas: [
      { name: 'mobile', version: 1 },
      { name: 'qc-report', version: 2 },
    ],
  })
  t.match((await ask('/schemas/qc-report')).json(), { version: 2, versions: [{ version: 2 }, { version: 1 }] })
  t.match((await ask('/schemas/qc-report?version=1')).json(), { version: 1, schema: known() })
  for (const url of ['/schemas/none', '/schemas/qc-report?version=3']) t.equal((await ask(url)).statusCode, 404, url)
  for (const url of ['/schemas/Bad_Name', '/schemas/qc-report?version=0'])
    t.equal((await ask(url)).statusCode, 400, url)
  t.match((await ask('/schemas', { headers: TEAM_B })).json(), { schemas: [{ name: 'qc-report', version: 1 }] })
  t.equal((await put('mobile', {}, TEAM_A_SENDER)).statusCode, 403)
})

t.test('a version that refuses what the one before accepted is a 409 that says where', async (t) => {
  const { put } = await registry(t)
  const narrower = known() as unknown as { required: string[] }
  narrower.required = ['status', 'policy']
  const answer = await put('qc-report', narrower)
  t.match(
    [answer.statusCode, answer.json()],
    [409, { message: /refuse.*required asks for policy/, errors: [{ in: 'body' }] }],
  )
})

t.test('a report is checked against the schema that its request names', async (t) => {
  const { ask, put, list } = await registry(t)
  await put('strict', { properties: { build: { type: 'integer' } }, required: ['build'] })
  const send = (url: string, payload: unknown, headers = {}) => ask(url, { method: 'POST', payload, headers })
  t.equal((await send('/ingest/qc?schema=strict', { status: {}, build: 7, notes: 'no matter' })).statusCode, 201)
  t.equal((await send('/ingest/qc?schema=strict', { status: {} })).statusCode, 201)
  t.match((await send('/ingest/qc/batch?schema=strict', [{ status: {}, build: '8' }])).json(), {
    items: [{ status: 'quarantined', errors: [{ field: 'build' }] }],
  })
  t.match(await list('state=quarantined'), { pagination: { totalCount: 2 } })
  for (const url of ['/ingest/qc?schema=none', '/ingest/qc/batch?schema=none']) {
    const answer = await send(url, url.includes('batch') ? [] : { status: {} })
    t.match([answer.statusCode, answer.json()], [400, { errors: [{ field: 'schema' }] }])
  }
  t.equal((await send('/ingest/qc?schema=strict', { status: {} }, TEAM_A)).statusCode, 400, "another tenant's")
})

t.test('with If-Match a new version is made of the one that was read, and of no other', async (t) => {
  const { ask } = await collector(t)
  const put = (schema: unknown, etag: string, name = 'mine') =>
    ask(`/schemas/${name}`, { method: 'PUT', payload: schema, headers: { 'if-match': etag } })
  t.equal((await put({ type: 'object' }, '*')).statusCode, 412, 'there is none yet')
  await ask('/schemas/mine', { method: 'PUT', payload: { type: 'object' } })
  const etag = async (name: string) => (await ask(`/schemas/${name}`)).headers.etag as string
  const first = await etag('mine')
  t.equal((await put({ type: ['object', 'null'] }, first)).statusCode, 201)
  t.equal((await put(true, first)).statusCode, 412)
  t.match((await ask('/schemas/mine')).json(), { version: 2 })
  t.equal((await put(true, await etag('mine'))).statusCode, 201)
  t.equal((await put(true, await etag('qc-report'), 'qc-report')).statusCode, 201, 'the known one is one, too')
})
