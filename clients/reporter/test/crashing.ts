import type { QueueStorage } from '../queue/storage.ts'

/** What a process throws in the step in which it dies. */
export class Crash extends Error {}

/**
 * A process that dies at one of its steps: a step is a write or a removal in the storage, or a request. It dies before the
 * step's effect or after it, and is dead from then on.
 */
export function mortal(diesAt: number, dies: 'before' | 'after') {
  let steps = 0
  let isDead = false
  async function step<T>(work: () => T | Promise<T>): Promise<T> {
    if (isDead) throw new Crash()
    const isLast = ++steps === diesAt
    if (isLast && dies === 'before') {
      isDead = true
      throw new Crash()
    }
    const result = await work()
    if (isLast) {
      isDead = true
      throw new Crash()
    }
    if (isDead) throw new Crash()
    return result
  }
  return { step, isDead: () => isDead, steps: () => steps }
}

export type Life = ReturnType<typeof mortal>

/** The storage as that process uses it; what it holds survives. */
export const storageOf = (life: Life, storage: QueueStorage): QueueStorage => ({
  get: (name) => storage.get(name),
  set: (name, text) => life.step(() => storage.set(name, text)),
  remove: (name) => life.step(() => storage.remove(name)),
  names: (prefix) => storage.names(prefix),
})
