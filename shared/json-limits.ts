/** Why a parsed JSON value is refused, or undefined. */
export type JsonFault = 'depth' | 'keys' | 'unicode' | 'number' | 'string' | 'prototype' | undefined

/** Bounds of a JSON value. */
export interface JsonLimits {
  /** Deepest nesting. */
  depth: number
  /** Most keys and array items, all levels together. */
  keys: number
  /** Longest text or key, in UTF-16 units. */
  string?: number
  /** Largest absolute value of a number. */
  number?: number
}

/** What is wrong, for a person. */
export function describeFault(fault: Exclude<JsonFault, undefined>, limits: JsonLimits): string {
  return {
    depth: `is nested deeper than ${limits.depth}`,
    keys: `has more than ${limits.keys} keys`,
    unicode: 'has a lone surrogate',
    number: 'has a number that is out of range',
    string: `has a text longer than ${limits.string} characters`,
    prototype: 'has a key that names a prototype',
  }[fault]
}

const namesPrototype = (key: string, item: object): boolean =>
  key === '__proto__' ||
  (key === 'constructor' &&
    Object.hasOwn(Object((item as { constructor: unknown }).constructor) as object, 'prototype'))

/**
 * Walks a parsed value without recursion: JSON nested 500,000 deep parses, and overflows the stack when written out.
 * Lone surrogates are refused too: they cannot be stored as UTF-8 and would come back as another text. So are numbers
 * beyond the range of a double (1e400), which parse as infinite and would be written out as null.
 */
export function jsonFault(value: unknown, limits: JsonLimits): JsonFault {
  const { depth: maxDepth, keys: maxKeys, string: maxString = Infinity, number: maxNumber = Number.MAX_VALUE } = limits
  let level: unknown[] = [value]
  let keys = 0
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = []
    for (const item of level) {
      if (typeof item === 'string') {
        if (item.length > maxString) return 'string'
        if (!item.isWellFormed()) return 'unicode'
      } else if (typeof item === 'number') {
        if (Math.abs(item) > maxNumber) return 'number'
      } else if (typeof item === 'object' && item !== null) {
        if (depth >= maxDepth) return 'depth'
        const isArray = Array.isArray(item)
        const names = isArray ? [] : Object.keys(item)
        const children: unknown[] = isArray ? item : Object.values(item)
        keys += children.length
        if (keys > maxKeys) return 'keys'
        for (const name of names) {
          if (name.length > maxString) return 'string'
          if (!name.isWellFormed()) return 'unicode'
          if (namesPrototype(name, item)) return 'prototype'
        }
        for (const child of children) if (typeof child !== 'boolean' && child !== null) next.push(child)
      }
    }
    level = next
  }
  return undefined
}

/** A key may be as long as a text; longer places are cut. */
const FIELD_MAX_LENGTH = 200

/**
 * The place of the fault that jsonFault found: `policy.evaluations.3`, '' for the whole value. It looks at the value once more for
 * each level, so it is for what is refused.
 */
export function faultField(value: unknown, fault: Exclude<JsonFault, undefined>, limits: JsonLimits): string {
  if (fault === 'keys') return ''
  const path: string[] = []
  let item = value
  for (let depth = limits.depth; depth > 0 && typeof item === 'object' && item !== null; depth--) {
    const inside: [string, unknown] | undefined = Object.entries(item).find(
      ([, child]) => jsonFault(child, { ...limits, depth: depth - 1 }) === fault,
    )
    if (inside === undefined) break
    path.push(inside[0])
    item = inside[1]
  }
  const field = path.join('.')
  return field.length <= FIELD_MAX_LENGTH ? field : `${field.slice(0, FIELD_MAX_LENGTH).toWellFormed()}…`
}
