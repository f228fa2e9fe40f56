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

/** What in a schema is not understood here; nothing for one that may be registered. */
export function schemaFaults(schema: unknown, field = '', depth = 0): FieldError[] {
  const fault = (at: string, message: string): FieldError[] => [{ in: 'body', field: at, message }]
  if (typeof schema === 'boolean') return []
  if (!isObject(schema)) return fault(field, 'must be a schema: an object, true or false')
  if (depth > DEPTH_MAX) return fault(field, `is nested deeper than ${DEPTH_MAX} schemas`)
  const below = (inner: unknown, name: string) =>
    schemaFaults(inner, field === '' ? name : `${field}.${name}`, depth + 1)
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

const FAULTS_MAX = 20

/**
 * Compiles a schema that is within the subset.
 * @returns what is wrong with a value, at most 20 faults; nothing when it fits
 */
export function compileSchema(schema: JsonSchema): (value: unknown) => FieldError[] {
  const ajv = new Ajv.default({
    allErrors: true,
    strict: false,
    validateSchema: false,
    ownProperties: true,
    logger: false,
  })
  // Two schemas of one `$id` are two versions of it.
  const validate = ajv.compile(typeof schema === 'boolean' ? schema : { ...schema, $id: undefined })
  return (value) => {
    if (validate(value)) return []
    return (validate.errors ?? []).slice(0, FAULTS_MAX).map(({ instancePath, message = '', params, keyword }) => ({
      in: 'body',
      field: instancePath.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~'),
      message:
        keyword === 'enum' ? `must be one of ${(params.allowedValues as unknown[]).map(String).join(', ')}` : message,
    }))
  }
}
