/** Why a parsed JSON value is refused, or undefined. */
export type JsonFault = 'depth' | 'keys' | 'unicode' | 'number' | undefined

/**
 * Walks a parsed value without recursion: JSON nested 500,000 deep parses, and overflows the stack when written out.
 * Lone surrogates are refused too: they cannot be stored as UTF-8 and would come back as another text. So are numbers
 * beyond the range of a double (1e400), which parse as infinite and would be written out as null.
 * @param maxKeys most keys and array items, all levels together
 */
export function jsonFault(value: unknown, maxDepth: number, maxKeys: number): JsonFault {
  let level: unknown[] = [value]
  let keys = 0
  for (let depth = 0; level.length > 0; depth++) {
    const next: unknown[] = []
    for (const item of level) {
      if (typeof item === 'string') {
        if (!item.isWellFormed()) return 'unicode'
      } else if (typeof item === 'object' && item !== null) {
        if (depth >= maxDepth) return 'depth'
        const isArray = Array.isArray(item)
        const children = isArray ? item : Object.values(item)
        keys += children.length
        if (keys > maxKeys) return 'keys'
        if (!isArray && !Object.keys(item).every((key) => key.isWellFormed())) return 'unicode'
        for (const child of children) {
          if (typeof child === 'string' || typeof child === 'object') next.push(child)
          else if (child === Infinity || child === -Infinity) return 'number'
        }
      }
    }
    level = next
  }
  return undefined
}
