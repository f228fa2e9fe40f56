import type { FieldError } from '#shared/problem.ts'
import Ajv from 'ajv/dist/2020.js'
import type { JsonSchema } from './known.ts'

type Check = (value: unknown) => boolean

const isCount: Check = (value) => Number.isInteger(value) && (value as number) >= 0
const isNumber: Check = (value) => typeof value === 'number'
const isText: Check = (value) => typeof value === 'string'
const anything: Check = () => true
const isNames: Check = (value) => Array.isArray(value) && value.every(isText) && new Set(value).size === value.length
const TYPES = new Set<unknown>(['null', 'boolean', 'integer', 'number', 'string', 'array', 'object'])
const isTypes: Check = (value) =>
  TYPES.has(value) ||
  (isNames(value) && (value as unknown[]).length > 0 && (value as unknown[]).every((t) => TYPES.has(t)))
const ENUM_MAX = 1000
const isEnum: Check = (value) => Array.isArray(value) && value.length > 0 && value.length <= ENUM_MAX
const BRANCHES_MAX = 20
const DEPTH_MAX = 32

/**
 * The keywords that a tenant's schema may use. Those whose cost a sender decides are not among them: `pattern` (a hostile
 * expression runs for ever), `$ref` (recursion), `uniqueItems` (quadratic).
 */
const KEYWORDS: Record<string, Check> = {
  $schema: (value) => value === 'https://json-schema.org/draft/2020-12/schema',
  $id: isText,
  $comment: isText,
  title: isText,
  description: isText,
  examples: anything,
  default: anything,
  deprecated: anything,
  type: isTypes,
  enum: isEnum,
  const: anything,
  minimum: isNumber,
  maximum: isNumber,
  exclusiveMinimum: isNumber,
  exclusiveMaximum: isNumber,
  minLength: isCount,
  maxLength: isCount,
  minItems: isCount,
  maxItems: isCount,
  minProperties: isCount,
  maxProperties: isCount,
  required: isNames,
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** What in a schema is not understood here. */
function keywordFaults(schema: unknown, field = '', depth = 0): FieldError[] {
  const fault = (at: string, message: string): FieldError[] => [{ in: 'body', field: at, message }]
  if (typeof schema === 'boolean') return []
  if (!isObject(schema)) return fault(field, 'must be a schema: an object, true or false')
  if (depth > DEPTH_MAX) return fault(field, `is nested deeper than ${DEPTH_MAX} schemas`)
  const below = (inner: unknown, name: string) =>
    keywordFaults(inner, field === '' ? name : `${field}.${name}`, depth + 1)
  return Object.entries(schema).flatMap(([keyword, value]) => {
    const at = field === '' ? keyword : `${field}.${keyword}`
    if (keyword === 'items' || keyword === 'additionalProperties') return below(value, keyword)
    if (keyword === 'properties') {
      if (!isObject(value)) return fault(at, 'must be an object of schemas')
      return Object.entries(value).flatMap(([name, inner]) => below(inner, `properties.${name}`))
    }
    if (keyword === 'anyOf') {
      const fits = Array.isArray(value) && value.length > 0 && value.length <= BRANCHES_MAX
      if (!fits) return fault(at, `must have 1 to ${BRANCHES_MAX} schemas`)
      return value.flatMap((inner, index) => below(inner, `anyOf.${index}`))
    }
    const check = Object.hasOwn(KEYWORDS, keyword) ? KEYWORDS[keyword] : undefined
    if (check === undefined) return fault(at, 'is not a keyword that is understood here')
    return check(value) ? [] : fault(at, 'has a value that this keyword cannot have')
  })
}

/** What a schema is at one place of a value: it applies together with the others there. */
type Weigh = (schema: Record<string, unknown>) => number

/**
 * The most that schemas weigh together which apply to one value: branches of `anyOf`, and what all of them say of the same item
 * or member. A member that is named is taken to be judged as one without a name, too.
 */
function heaviest(schema: unknown, weigh: Weigh): number {
  let most = 0
  function place(schemas: readonly unknown[]): number {
    const here: Record<string, unknown>[] = []
    const open = schemas.filter(isObject)
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      here.push(one)
      if (Array.isArray(one.anyOf)) open.push(...(one.anyOf as unknown[]).filter(isObject))
    }
    if (here.length === 0) return 0
    const own = here.reduce((sum, one) => sum + weigh(one), 0)
    place(here.map(({ items }) => items))
    const others = place(here.map(({ additionalProperties }) => additionalProperties))
    const members = here.flatMap(({ properties }) => (isObject(properties) ? Object.entries(properties) : []))
    for (const [, named] of Map.groupBy(members, ([name]) => name)) {
      const member = place(named.map(([, own]) => own))
      most = Math.max(most, others + member)
    }
    most = Math.max(most, own)
    return own
  }
  place([schema])
  return most
}

/** Schemas without `anyOf` that one value may be tried against, those in all nested branches together. */
export const ALTERNATIVES_MAX = 100
const isAlternative: Weigh = ({ anyOf }) => (anyOf === undefined ? 1 : 0)

/** What in a schema is not understood here, or is too much; nothing for one that may be registered. */
export function schemaFaults(schema: unknown): FieldError[] {
  const faults = keywordFaults(schema)
  if (faults.length > 0 || heaviest(schema, isAlternative) <= ALTERNATIVES_MAX) return faults
  const message = `has more than ${ALTERNATIVES_MAX} alternatives that one value may be tried against`
  return [{ in: 'body', field: 'anyOf', message }]
}

const FAULTS_MAX = 20
/** Faults that a value may have at most for all of them to be looked for: values, and what may be wrong with each. */
const FAULTS_SOUGHT_MAX = 100_000
const mayBeWrong: Weigh = (schema) =>
  Object.keys(schema).length + (Array.isArray(schema.required) ? schema.required.length : 0)

/** How many values there are in one, itself too; what is beyond `max` is not counted. */
function valuesIn(value: unknown, max: number): number {
  const open = [value]
  let count = 0
  while (open.length > 0 && count <= max) {
    const one = open.pop()
    count++
    if (typeof one !== 'object' || one === null) continue
    for (const inner of Object.values(one)) if (open.length <= max) open.push(inner)
  }
  return count
}

/** A schema as a function; @param allErrors whether it goes on after the first fault */
function compiled(schema: JsonSchema, allErrors: boolean) {
  // Without the schemas of schemas, which take longer than most: what is compiled here is within the keywords.
  const options = { meta: false, strict: false, validateSchema: false, ownProperties: true, logger: false } as const
  // Two schemas of one `$id` are two versions of it, and the dialect is the one that there is.
  const own = typeof schema === 'boolean' ? schema : { ...schema, $id: undefined, $schema: undefined }
  return new Ajv.default({ ...options, allErrors }).compile(own)
}

/** Compiles a schema that is within the subset; @returns whether it accepts a value */
export const compileAccepts = (schema: JsonSchema): ((value: unknown) => boolean) => compiled(schema, false)

/**
 * Compiles a schema that is within the subset.
 * @returns what is wrong with a value, at most 20 faults, of a very large one the first; nothing when it fits
 */
export function compileSchema(schema: JsonSchema): (value: unknown) => FieldError[] {
  const first = compiled(schema, false)
  const valuesMax = FAULTS_SOUGHT_MAX / Math.max(1, heaviest(schema, mayBeWrong))
  let all: typeof first | undefined
  return (value) => {
    if (first(value)) return []
    const validate = valuesIn(value, valuesMax) > valuesMax ? first : (all ??= compiled(schema, true))
    if (validate !== first) validate(value)
    return (validate.errors ?? []).slice(0, FAULTS_MAX).map(({ instancePath, message = '', params, keyword }) => ({
      in: 'body',
      field: instancePath.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~'),
      message:
        keyword === 'enum' ? `must be one of ${(params.allowedValues as unknown[]).map(String).join(', ')}` : message,
    }))
  }
}
