import type { JsonSchema, SchemaObject, TypeName } from './known.ts'

const TYPES: readonly TypeName[] = ['null', 'boolean', 'number', 'string', 'array', 'object']

/** Reasons why `newer` may refuse a value that `older` accepts, each with the place in the schema. */
export type Reasons = string[]

/** Says for a value whether a schema accepts it. */
type Accepts = (schema: JsonSchema, value: unknown) => boolean

const at = (place: string, name: string) => (place === '' ? name : `${place}.${name}`)

/** Types that a schema lets through; `integer` says of numbers that they must be whole. */
function typesOf({ type }: SchemaObject): { names: Set<TypeName>; whole: boolean } {
  if (type === undefined) return { names: new Set(TYPES), whole: false }
  const listed = [type].flat()
  const whole = listed.includes('integer') && !listed.includes('number')
  return { names: new Set(listed.map((name) => (name === 'integer' ? 'number' : name))), whole }
}

/** Keywords that bound from below or above, with the type that they say something about. */
const BOUNDS = [
  ['minLength', 'string', 1],
  ['maxLength', 'string', -1],
  ['minItems', 'array', 1],
  ['maxItems', 'array', -1],
  ['minProperties', 'object', 1],
  ['maxProperties', 'object', -1],
] as const

/** The least (sign 1) or greatest (sign -1) number of a schema, and whether it is itself excluded. */
function limitOf(schema: SchemaObject, sign: 1 | -1): readonly [limit: number, excluded: boolean] {
  const inclusive = (sign === 1 ? schema.minimum : schema.maximum) ?? -sign * Infinity
  const exclusive = (sign === 1 ? schema.exclusiveMinimum : schema.exclusiveMaximum) ?? -sign * Infinity
  return sign * exclusive >= sign * inclusive && Number.isFinite(exclusive) ? [exclusive, true] : [inclusive, false]
}

function bounds(newer: SchemaObject, older: SchemaObject, types: ReadonlySet<TypeName>, place: string): Reasons {
  const reasons: Reasons = []
  for (const [keyword, type, sign] of BOUNDS) {
    const [now, before] = [newer[keyword], older[keyword]]
    if (now === undefined || !types.has(type)) continue
    if (sign * now > sign * (before ?? (sign === 1 ? 0 : Infinity))) reasons.push(`${at(place, keyword)} is narrower`)
  }
  if (!types.has('number')) return reasons
  for (const sign of [1, -1] as const) {
    const [[now, excludes], [before, excluded]] = [limitOf(newer, sign), limitOf(older, sign)]
    if (sign * now > sign * before || (now === before && excludes && !excluded)) {
      reasons.push(`${at(place, sign === 1 ? 'minimum' : 'maximum')} is narrower`)
    }
  }
  return reasons
}

/** What a schema says of a member: its own schema, or that of members without one. */
const memberOf = ({ properties, additionalProperties = true }: SchemaObject, name: string): JsonSchema =>
  properties !== undefined && Object.hasOwn(properties, name) ? (properties[name] as JsonSchema) : additionalProperties

/** Pairs of schemas that are compared, and values that are tried, at most: nested `anyOf` on both sides multiply. */
const WORK_MAX = 20_000

/** Ends a comparison that takes too much. */
class TooMuchWork extends Error {
  override name = 'TooMuchWork'
}

/**
 * Whether a newer version accepts everything that the older one accepted. It covers every keyword that a schema here may have
 * (subset.ts) and never calls a narrower schema compatible; it may refuse one that is compatible in a way that only both
 * `anyOf` and its siblings together show.
 * @param accepts whether a schema lets a value through
 * @returns reasons against it; none when it is compatible
 */
export function incompatibilities(newer: JsonSchema, older: JsonSchema, accepts: Accepts): Reasons {
  let work = 0
  const bases = new WeakMap<SchemaObject, SchemaObject>()

  function spend(more: number): void {
    if ((work += more) > WORK_MAX) throw new TooMuchWork()
  }

  /** A schema without its `anyOf`, always the same object: what was compiled of it is found again. */
  function baseOf(schema: SchemaObject): SchemaObject {
    if (schema.anyOf === undefined) return schema
    const { anyOf: _branches, ...rest } = schema
    const base = bases.get(schema) ?? rest
    bases.set(schema, base)
    return base
  }

  function compare(now: JsonSchema, before: JsonSchema, place: string): Reasons {
    if (now === true || before === false) return []
    const named = place === '' ? 'the schema' : place
    spend(1)
    if (now === false) return [`${named} accepts nothing any more`]
    if (before === true) return within(now, {}, place)
    const finite = Object.hasOwn(before, 'const') ? [before.const] : before.enum
    if (finite === undefined) return within(now, before, place)
    // What is listed on both sides needs no schema to try it on.
    const listed = typeof now === 'object' && now.anyOf === undefined ? now.enum : undefined
    const texts = new Set(listed?.map((other) => JSON.stringify(other)))
    const isListed = (value: unknown) => texts.has(JSON.stringify(value))
    spend(finite.length)
    const lost = finite.filter(
      (value) => !(isListed(value) && Object.keys(now).length === 1) && accepts(before, value) && !accepts(now, value),
    )
    return lost.map((value) => `${named} refuses ${JSON.stringify(value)}`)
  }

  /** `before` without its `anyOf` is wider than `before`, and so is each branch: when one of them is within, all of it is. */
  function within(now: SchemaObject, before: SchemaObject, place: string): Reasons {
    const [{ anyOf: branches }, { anyOf: parts }] = [now, before]
    const [base, whole] = [baseOf(now), baseOf(before)]
    let reasons = keywords(base, whole, place)
    if (reasons.length > 0 && parts?.every((part) => compare(base, part, place).length === 0) === true) reasons = []
    if (branches === undefined) return reasons
    const where = at(place, 'anyOf')
    const fits = (part: JsonSchema) => branches.some((branch) => compare(branch, part, where).length === 0)
    const covered = fits(whole) || parts?.every(fits) === true
    return covered ? reasons : [...reasons, `${where} has no branch that takes all of what was accepted`]
  }

  /** Two schemas without `anyOf`, keyword by keyword. */
  function keywords(now: SchemaObject, before: SchemaObject, place: string): Reasons {
    if (Object.hasOwn(now, 'const')) return [`${at(place, 'const')} is narrower`]
    if (now.enum !== undefined) return [`${at(place, 'enum')} is narrower`]
    const [types, former] = [typesOf(now), typesOf(before)]
    const lost = [...former.names].filter((name) => !types.names.has(name))
    const reasons = lost.map((name) => `${at(place, 'type')} refuses ${name}`)
    if (types.whole && !former.whole && former.names.has('number'))
      reasons.push(`${at(place, 'type')} refuses fractions`)
    reasons.push(...bounds(now, before, former.names, place))
    if (former.names.has('array')) reasons.push(...compare(now.items ?? true, before.items ?? true, at(place, 'items')))
    return former.names.has('object') ? [...reasons, ...members(now, before, place)] : reasons
  }

  function members(now: SchemaObject, before: SchemaObject, place: string): Reasons {
    const required = (now.required ?? []).filter((name) => before.required?.includes(name) !== true)
    const reasons = required.map((name) => `${at(place, 'required')} asks for ${name}`)
    for (const name of new Set([...Object.keys(now.properties ?? {}), ...Object.keys(before.properties ?? {})])) {
      reasons.push(...compare(memberOf(now, name), memberOf(before, name), at(place, `properties.${name}`)))
    }
    const others = at(place, 'additionalProperties')
    return [...reasons, ...compare(now.additionalProperties ?? true, before.additionalProperties ?? true, others)]
  }

  try {
    return compare(newer, older, '')
  } catch (error) {
    if (error instanceof TooMuchWork) return ['the schema is too complicated to be compared']
    throw error
  }
}
