import { setTimeout as pause } from 'node:timers/promises'

/** Rests for so many times as long as it worked: two thirds of a processor that it shares with requests are theirs. */
const RESTS = 2
const REST_MIN_MS = 2
const REST_MAX_MS = 100

/** The pace of work that nobody waits for: to be called after each piece of it. It begins now. */
export function createPace(signal?: AbortSignal): () => Promise<void> {
  let begun = performance.now()
  return async () => {
    const worked = performance.now() - begun
    const rest = Math.min(REST_MAX_MS, Math.max(REST_MIN_MS, RESTS * worked))
    await pause(rest, undefined, { ...(signal === undefined ? {} : { signal }) })
    begun = performance.now()
  }
}
