/** Tries whose verdict is still out, by what they are counted for. */
export function createPending() {
  const tries = new Map<string, Set<PromiseWithResolvers<void>>>()
  const of = (key: Buffer) => tries.get(key.toString('base64')) ?? new Set()
  return {
    count: (key: Buffer): number => of(key).size,
    /** Resolves when one of those that are out now has a verdict. */
    verdict: (key: Buffer): Promise<void> => Promise.race([...of(key)].map(({ promise }) => promise)),
    /** Notes one try. @returns to be called when its verdict is there */
    add(keys: readonly Buffer[]): () => void {
      const one = Promise.withResolvers<void>()
      for (const key of keys) tries.set(key.toString('base64'), of(key).add(one))
      return () => {
        for (const key of keys) {
          const others = of(key)
          others.delete(one)
          if (others.size === 0) tries.delete(key.toString('base64'))
        }
        one.resolve()
      }
    },
  }
}
