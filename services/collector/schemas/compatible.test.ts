import Ajv from 'ajv/dist/2020.js'
import fc from 'fast-check'
import t from 'tap'
import { incompatibilities } from './compatible.ts'
import { KNOWN_REPORT, type JsonSchema } from './known.ts'
import { compileSchema, schemaFaults } from './subset.ts'
import { createAccepts } from './registry.ts'
import { known, wider } from './test/known.ts'

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

/** Why `newer` refuses what `older` took, found as it is for a tenant. */
const reasons = (newer: JsonSchema, older: JsonSchema) => incompatibilities(newer, older, createAccepts())

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

t.test(
  'what is called compatible accepts all that was accepted; a schema is compatible with itself and with any',
  async (t) => {
    let compatible = 0
    fc.assert(
      fc.property(schema, schema, fc.array(value, { maxLength: 12 }), (newer, older, values) => {
        if (reasons(newer, older).length > 0) return true
        compatible++
        const [now, before] = [compileSchema(newer), compileSchema(older)]
        return values.every((one) => before(one).length > 0 || now(one).length === 0)
      }),
      { numRuns: 400 },
    )
    t.ok(compatible > 50, `${compatible} pairs were compatible`)
    fc.assert(
      fc.property(schema, (one) => reasons(structuredClone(one), one).length === 0),
      { numRuns: 100 },
    )
    fc.assert(fc.property(schema, (one) => reasons(true, one).length === 0))
    t.same(reasons(known(), KNOWN_REPORT.schema), [])
    t.same(reasons(wider() as JsonSchema, KNOWN_REPORT.schema), [])
    t.match(reasons(KNOWN_REPORT.schema, wider() as JsonSchema), [/notes.type refuses string/])
  },
)

t.test('schemas that nest anyOf on both sides are compared in bounded time', async (t) => {
  const nested = (depth: number, bound: number): JsonSchema =>
    depth === 0 ? { minLength: bound } : { anyOf: [nested(depth - 1, bound), nested(depth - 1, bound + 1)] }
  t.ok(reasons(nested(7, 1), nested(7, 0)).length > 0)
})

t.test('any JSON is a schema or is refused, and every schema compiles', async () => {
  fc.assert(
    fc.property(fc.oneof(fc.jsonValue(), schema), (any) => {
      if (schemaFaults(any).length === 0) compileSchema(any as JsonSchema)(any)
    }),
  )
})
