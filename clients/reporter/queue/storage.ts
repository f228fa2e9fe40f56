/**
 * Where reports wait: texts by name. Every report has a name of its own, so that two tabs or processes never write over
 * each other's. Each function may answer at once or through a promise, and may throw: the queue copes with it.
 */
export interface QueueStorage {
  get(name: string): string | null | undefined | Promise<string | null | undefined>
  /** The promise resolves when the text will survive a restart. */
  set(name: string, text: string): void | Promise<void>
  /** Removing what is not there is no error. */
  remove(name: string): void | Promise<void>
  /** The names that begin with `prefix`, in any order. */
  names(prefix: string): readonly string[] | Promise<readonly string[]>
  /** Runs `work` while nobody else with this storage does, where the platform can do that. */
  exclusive?<T>(work: () => Promise<T>): Promise<T>
}

/** Reports wait in memory and are gone with the process. */
export function memoryStorage(): QueueStorage {
  const texts = new Map<string, string>()
  return {
    get: (name) => texts.get(name),
    set: (name, text) => void texts.set(name, text),
    remove: (name) => void texts.delete(name),
    names: (prefix) => [...texts.keys()].filter((name) => name.startsWith(prefix)),
  }
}
