import Ajv from 'ajv/dist/2020.js'
import fc from 'fast-check'
import t from 'tap'
import { collector, TEAM_A, TEAM_A_SENDER, TEAM_B } from '../test/collector.ts'
import { incompatibilities } from './compatible.ts'
import { KNOWN_REPORT, type JsonSchema } from './known.ts'
import { createAccepts } from './registry.ts'
import { compileSchema, schemaFaults } from './subset.ts'

interface Listed {
  reports: { id: string; state?: string }[]
  pagination: { totalCount: number }
}

const known = () => structuredClone(KNOWN_REPORT.schema) as Record<string, never>
/** The known schema with `notes` that may be a text, too. */
const wider = () => {
  const schema = known() as unknown as { properties: Record<string, unknown> }
  schema.properties.notes = { type: ['array', 'null', 'string'], items: { type: 'string' } }
  return schema
}

async function registry(t: Parameters<typeof collector>[0], env: Record<string, string> = {}) {
  const service = await collector(t, env)
  const put = (name: string, payload: unknown, headers: Record<string, string> = {}) =>
    service.ask(`/schemas/${name}`, {
      method: 'PUT',
      payload,
      headers: { 'content-type': 'application/json', ...headers },
    })
  const list = async (query: string) => (await service.ask(`/reports?${query}`)).json<Listed>()
  const replay = async () => (await service.ask('/reports/replay', { method: 'POST' })).json<object>()
  return { ...service, put, list, replay }
}

t.test('the known report is JSON Schema 2020-12 within the keywords of tenants, and takes both forms', async (t) => {
  const ajv = new Ajv.default({ strict: false })
  t.ok(ajv.validateSchema(KNOWN_REPORT.schema), ajv.errorsText())
  t.same(schemaFaults(KNOWN_REPORT.schema), [])
  const check = compileSchema(KNOWN_REPORT.schema)
  const evaluated = (evaluation: unknown) => ({ status: {}, policy: { evaluations: [evaluation] } })
  for (const good of [
    { status: { api: 'pass', anything: { deep: 1 } }, policy: null, diff: null, notes: null, unknown: [1] },
    evaluated({ rule_id: 'r', target: 't', verdict: 'pass', severity: 'info', message: 'm' }),
    evaluated({ rule_id: 'r', verdict: 'warn' }),
    evaluated({ severity: 'block', rule: 'r', result: { any: 'thing' } }),
    { status: {}, diff: { summary: [{ id: 'a', trend: 'up', deltaPct: null }] }, topN: 7, raw: 'x', notes: ['한글'] },
  ]) {
    t.same(check(good), [], JSON.stringify(good))
  }
  const bad: [unknown, string][] = [
    [{ status: { api: 'ok' } }, 'status.api'],
    [{ status: {}, notes: 'x' }, 'notes'],
    [{ status: {}, policy: { evaluations: {} } }, 'policy.evaluations'],
    [evaluated({ rule: 'r' }), 'policy.evaluations.0'],
    [evaluated({ rule: 'r', severity: 'fatal' }), 'policy.evaluations.0.severity'],
    [{ status: {}, diff: { summary: [{ trend: 'up' }] } }, 'diff.summary.0'],
  ]
  for (const [value, field] of bad)
    t.ok(
      check(value).some((fault) => fault.field === field),
      field,
    )
  t.match(check({ status: { api: 'ok' } }), [{ message: 'must be one of pass, warn, fail, na' }])
  t.equal(check({ status: {}, notes: Array(100).fill(1) }).length, 20, 'not more faults than anybody reads')
})

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

t.test('a schema within the keywords and the limits is taken, any other is refused with the place', async (t) => {
  const { put } = await registry(t, { SCHEMA_MAX_BYTES: '1024', SCHEMAS_MAX: '2' })
  const bad: [unknown, string][] = [
    [{ pattern: '(a+)+$' }, 'pattern'],
    [{ properties: { a: { $ref: '#' } } }, 'properties.a.$ref'],
    [{ type: 'text' }, 'type'],
    [{ items: [true] }, 'items'],
    [{ anyOf: [] }, 'anyOf'],
    [{ anyOf: Array(21).fill(true) }, 'anyOf'],
    [{ minLength: -1 }, 'minLength'],
    [{ properties: [] }, 'properties'],
    [{ hasOwnProperty: 1 }, 'hasOwnProperty'],
  ]
  for (const [schema, field] of bad) {
    const answer = await put('other', schema)
    t.match([answer.statusCode, answer.json()], [400, { errors: [{ field }] }], field)
  }
  for (const whole of ['[]', '"{}"', '7', 'null', '']) t.equal((await put('other', whole)).statusCode, 400, whole)
  t.equal((await put('other', { title: 'x'.repeat(1012) })).statusCode, 201, 'at the limit of bytes')
  t.equal((await put('other', { title: 'x'.repeat(1013) })).statusCode, 413)
  t.equal((await put('second', true)).statusCode, 201)
  t.match((await put('third', true)).json(), { status: 409, message: /at most 2/ })
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

const scalar = fc.constantFrom<unknown>(null, true, 0, 1, 2, 2.5, -1, '', 'a', 'abc', [], {})
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 2 },
    scalar,
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { maxKeys: 3 }),
  ),
})).any
const small = fc.integer({ min: 0, max: 3 })
const type = fc.constantFrom('null', 'boolean', 'integer', 'number', 'string', 'array', 'object')
const schema = fc.letrec<{ any: JsonSchema }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, depthSize: 'medium' },
    fc.boolean(),
    fc.record(
      {
        type: fc.oneof(type, fc.uniqueArray(type, { minLength: 1, maxLength: 5 })),
        enum: fc.array(scalar, { minLength: 1, maxLength: 3 }),
        const: scalar,
        minimum: small,
        maximum: small,
        exclusiveMinimum: small,
        exclusiveMaximum: small,
        minLength: small,
        maxLength: small,
        minItems: small,
        maxItems: small,
        minProperties: small,
        maxProperties: small,
        required: fc.uniqueArray(fc.constantFrom('a', 'b'), { maxLength: 2 }),
        properties: fc.dictionary(fc.constantFrom('a', 'b'), tie('any'), { maxKeys: 2 }),
        additionalProperties: tie('any'),
        items: tie('any'),
        anyOf: fc.array(tie('any'), { minLength: 1, maxLength: 3 }),
      },
      { requiredKeys: [] },
    ) as fc.Arbitrary<JsonSchema>,
  ),
})).any

const accepts = (one: JsonSchema, given: unknown) => compileSchema(one)(given).length === 0

t.test(
  'what is called compatible accepts all that was accepted; a schema is compatible with itself and with any',
  async (t) => {
    let compatible = 0
    fc.assert(
      fc.property(schema, schema, fc.array(value, { maxLength: 12 }), (newer, older, values) => {
        if (incompatibilities(newer, older, accepts).length > 0) return true
        compatible++
        const [now, before] = [compileSchema(newer), compileSchema(older)]
        return values.every((one) => before(one).length > 0 || now(one).length === 0)
      }),
      { numRuns: 1500 },
    )
    t.ok(compatible > 50, `${compatible} pairs were compatible`)
    fc.assert(
      fc.property(schema, (one) => incompatibilities(structuredClone(one), one, accepts).length === 0),
      { numRuns: 300 },
    )
    fc.assert(fc.property(schema, (one) => incompatibilities(true, one, accepts).length === 0))
    t.same(incompatibilities(known(), KNOWN_REPORT.schema, accepts), [])
    t.same(incompatibilities(wider() as JsonSchema, KNOWN_REPORT.schema, accepts), [])
    t.match(incompatibilities(KNOWN_REPORT.schema, wider() as JsonSchema, accepts), [/notes.type refuses string/])
  },
)

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

t.test('schemas that nest anyOf on both sides are compared in bounded time', async (t) => {
  const nested = (depth: number, bound: number): JsonSchema =>
    depth === 0 ? { minLength: bound } : { anyOf: [nested(depth - 1, bound), nested(depth - 1, bound + 1)] }
  t.ok(incompatibilities(nested(7, 1), nested(7, 0), accepts).length > 0)
})

t.test('a schema that tries one value against more than it may is refused; at the limit it is taken', async (t) => {
  const { put } = await registry(t)
  const any = (count: number, of: unknown) => ({ anyOf: Array(count).fill(of) })
  const nested = any(20, any(20, any(8, { type: 'string' })))
  const tooMany = [
    nested,
    { items: nested },
    { properties: { raw: { items: nested } } },
    { additionalProperties: { properties: { a: any(6, any(20, true)), b: any(6, any(20, {})) } } },
    any(11, { items: any(10, {}) }),
    any(11, { properties: { a: any(10, {}) } }),
    any(11, { additionalProperties: any(10, {}) }),
  ]
  for (const schema of tooMany) {
    const { statusCode, body } = await put('other', schema)
    t.match([statusCode, body.slice(0, 300)], [400, /more than 100 alternatives that one value/])
  }
  for (const schema of [any(10, { items: any(10, {}) }), { properties: { a: any(20, {}), b: any(20, {}) } }]) {
    t.same(schemaFaults(schema), [])
  }
})

t.test('of a value that may have very many faults the first is told', async (t) => {
  const { put, ask } = await registry(t)
  t.equal((await put('texts', { properties: { raw: { items: { required: ['a', 'b'] } } } })).statusCode, 201)
  const send = async (count: number) => {
    const payload = { status: {}, raw: Array.from({ length: count }, () => ({})) }
    const { id } = (await ask('/ingest/qc?schema=texts', { method: 'POST', payload })).json<{ id: string }>()
    return (await ask(`/reports/${id}`)).json<{ errors: unknown[] }>().errors.length
  }
  t.equal(await send(100), 20)
  t.equal(await send(9900), 20)
  const names = Array.from({ length: 5000 }, (_, n) => `n${n}`)
  const check = compileSchema({ properties: { raw: { items: { required: names } } } })
  t.equal(check({ raw: Array.from({ length: 9900 }, () => ({})) }).length, 1)
  t.equal(check({ raw: [{}] }).length, 20)
})

t.test('a comparison compiles a schema once, and ends when it is too much work', async (t) => {
  const { put } = await registry(t)
  const texts = Array.from({ length: 900 }, (_, n) => [`p${n}`, { type: 'string', minLength: 1, maxLength: 9 }])
  const numbers = (count: number, branch: (n: number) => unknown) => ({
    properties: Object.fromEntries(Array.from({ length: count }, (_, n) => [`q${n}`, { anyOf: [branch(n)] }])),
  })
  const large = { type: ['number', 'object'], properties: Object.fromEntries(texts) as Record<string, JsonSchema> }
  t.equal(
    (
      await put(
        'mine',
        numbers(99, (n) => ({ const: n })),
      )
    ).statusCode,
    201,
  )
  const answer = await put('mine', { additionalProperties: large })
  t.match([answer.statusCode, answer.json()], [409, { message: /too complicated to be compared/ }])

  const tried = new Set<unknown>()
  const older = { properties: { a: { const: 1 }, b: { const: 2 } } } as JsonSchema
  const newer = { additionalProperties: { ...large, anyOf: [true] } } as JsonSchema
  incompatibilities(newer, { anyOf: [older, older] }, (one, given) => {
    tried.add(one)
    return accepts(one, given)
  })
  t.ok(tried.size <= 5, `${tried.size} schemas were tried`)

  const check = createAccepts()
  const sized = (characters: number): JsonSchema => ({ enum: ['x'.repeat(characters - '{"enum":[""]}'.length)] })
  t.equal(check(sized(262_000), 1), false)
  t.equal(check(sized(144), 1), false)
  t.throws(() => check(sized(14), 1), { message: /too complicated/ })
})

t.test('any JSON is a schema or is refused, and every schema compiles', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), schema), (any) => {
      if (schemaFaults(any).length === 0) compileSchema(any as JsonSchema)(any)
    }),
  )
})
