const POLL_MS = 20

type Found<T> = Exclude<T, undefined | null | false>

/**
 * Waits until `check` gives something, and gives it; what `check` throws counts as not yet.
 * @param ms longest wait; generous, because machines that test are busy
 * @throws Error saying what was waited for
 */
export async function until<T>(what: string, check: () => T | Promise<T>, ms = 20_000): Promise<Found<T>> {
  const deadline = performance.now() + ms
  let last: unknown
  while (performance.now() < deadline) {
    try {
      const found = await check()
      if (found !== undefined && found !== null && found !== false) return found as Found<T>
    } catch (error) {
      last = error
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  throw new Error(`waited ${ms} ms for ${what}`, { cause: last })
}
