import type { QueueStorage } from './storage.ts'

/** `localStorage`, or whatever has its functions. */
export interface WebStorageLike {
  readonly length: number
  key(index: number): string | null
  getItem(name: string): string | null
  setItem(name: string, text: string): void
  removeItem(name: string): void
}

interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>
}

const LOCK = 'najimban-reporter'

const locksOf = (scope: unknown): Locks | undefined => (scope as { navigator?: { locks?: Locks } }).navigator?.locks

/**
 * Reports wait in `localStorage` (about 5 MB an origin) and survive reloads. Tabs share them, and where the browser has
 * Web Locks only one tab sends at a time. A tab may see for a moment what another has removed already: it sends that once
 * more, with the same Idempotency-Key.
 */
export function webStorage(store: WebStorageLike): QueueStorage {
  const locks = locksOf(globalThis)
  return {
    get: (name) => store.getItem(name),
    set: (name, text) => store.setItem(name, text),
    remove: (name) => store.removeItem(name),
    names(prefix) {
      const found: string[] = []
      for (let index = 0; index < store.length; index++) {
        const name = store.key(index)
        if (name?.startsWith(prefix) === true) found.push(name)
      }
      return found
    },
    ...(locks === undefined ? {} : { exclusive: (work) => locks.request(LOCK, work) }),
  }
}
