const POLL_MS = 20

/**
 * Waits until `check` gives something, and gives it; what `check` throws counts as not yet.
 * @param ms longest wait; generous, because machines that test are busy
 * @throws Error saying what was waited for
 */
export async function until<T>(what: string, check: () => T | Promise<T>, ms = 20_000): Promise<NonNullable<T>> {
  const deadline = performance.now() + ms
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const found = await check()
      if (found !== undefined && found !== null && found !== false) return found
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw new Error(`waited ${ms} ms for ${what}`, { cause: last })
}
