import type { Tenant } from '#shared/scope.ts'

export type Turns = ReturnType<typeof createTurns>

/**
 * Lets so many exports at a time make their next piece, and the others wait: what they are to the service then does not depend on how
 * many there are. Tenants have their turn one after the other, whatever each of them has under way.
 */
export function createTurns(max: number) {
  /** By tenant, the next one first. */
  const waiting = new Map<Tenant, (() => void)[]>()
  let free = max

  function turn(tenant: Tenant): Promise<void> | undefined {
    if (free > 0) {
      free -= 1
      return undefined
    }
    return new Promise((resolve) => {
      const own = waiting.get(tenant)
      if (own === undefined) waiting.set(tenant, [resolve])
      else own.push(resolve)
    })
  }

  function pass(): void {
    for (const [tenant, [next, ...others]] of waiting) {
      waiting.delete(tenant)
      if (others.length > 0) waiting.set(tenant, others)
      return next?.()
    }
    free += 1
  }

  return {
    /** The same pieces, each made in a turn of the tenant. While somebody takes one, others have theirs. */
    async *of<T>(tenant: Tenant, pieces: AsyncIterable<T>): AsyncGenerator<T> {
      const source = pieces[Symbol.asyncIterator]()
      try {
        for (;;) {
          await turn(tenant)
          // Not at once: who gets what was made may ask for more by then, and is not behind those who have asked since.
          const next = await source.next().finally(() => setImmediate(pass))
          if (next.done === true) return
          yield next.value
        }
      } finally {
        await source.return?.()
      }
    },
  }
}
