/**
 * A map of bounded size that forgets what was not used for long: values live in one of two generations, a use brings them into
 * the young one, and when that is full the old one is dropped. A hit costs one look-up, and nothing is ever moved in a list.
 * @param max most values; a few thousand at least are sensible
 */
export function createRecent<V>(max: number) {
  const half = Math.max(1, Math.ceil(max / 2))
  let young = new Map<string, V>()
  let old = new Map<string, V>()

  function set(key: string, value: V): void {
    if (young.size >= half && !young.has(key)) {
      old = young
      young = new Map()
    }
    young.set(key, value)
  }

  return {
    set,
    get(key: string): V | undefined {
      const found = young.get(key)
      if (found !== undefined || old.size === 0) return found
      const aged = old.get(key)
      if (aged === undefined) return undefined
      old.delete(key)
      set(key, aged)
      return aged
    },
    delete(key: string): void {
      young.delete(key)
      old.delete(key)
    },
    clear(): void {
      young = new Map()
      old = new Map()
    },
    /** How many values there are; one in both generations counts twice. */
    size: () => young.size + old.size,
  }
}
