import t from 'tap'
import { incompatibilities } from './compatible.ts'
import type { JsonSchema } from './known.ts'
import { createAccepts } from './registry.ts'
import { compileSchema, schemaFaults } from './subset.ts'
import { registry } from './test/registry.ts'

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
    return compileSchema(one)(given).length === 0
  })
  t.ok(tried.size <= 5, `${tried.size} schemas were tried`)

  const check = createAccepts()
  const sized = (characters: number): JsonSchema => ({ enum: ['x'.repeat(characters - '{"enum":[""]}'.length)] })
  t.equal(check(sized(262_000), 1), false)
  t.equal(check(sized(144), 1), false)
  t.throws(() => check(sized(14), 1), { message: /too complicated/ })
})
