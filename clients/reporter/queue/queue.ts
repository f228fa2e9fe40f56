import { newEntryId, parseEntryId, utf8Length, type EntryId } from './entry-id.ts'
import type { QueueStorage } from './storage.ts'

export interface QueueLimits {
  /** Most reports that wait. */
  maxReports: number
  /** Most bytes that wait, all reports together. */
  maxBytes: number
}

export interface Dropped {
  id: string
  /** `full`: made room for newer ones. `damaged`: the storage gave something back that is no report. */
  reason: 'full' | 'damaged'
}

export type Added =
  { accepted: true; id: string } | { accepted: false; reason: 'too-large' | 'storage'; message: string }

export type Queue = ReturnType<typeof createQueue>

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/**
 * Reports in the order in which they came, in a storage that others may use too. What the storage does not let go of is
 * remembered as gone, so that it is not sent twice.
 * @param name queues of different names in one storage know nothing of each other
 */
export function createQueue(
  storage: QueueStorage,
  { name, limits, onDropped }: { name: string; limits: QueueLimits; onDropped: (dropped: Dropped) => void },
) {
  const prefix = `najimban-reporter:${name}:`
  /** Sorted by id. */
  let entries: EntryId[] = []
  const gone = new Set<string>()
  const sending = new Set<string>()
  let bytes = 0
  let lastOrder = 0
  let turn: Promise<unknown> = Promise.resolve()

  /** One change at a time, in the order in which they were asked for. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = turn.then(work)
    turn = done.catch(() => undefined)
    return done
  }

  function replaceEntries(next: EntryId[]): void {
    entries = next.sort((a, b) => (a.id < b.id ? -1 : 1))
    bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0)
    lastOrder = Math.max(lastOrder, entries.at(-1)?.order ?? 0)
  }

  function forget(id: string): boolean {
    const index = entries.findIndex((entry) => entry.id === id)
    if (index === -1) return false
    bytes -= (entries[index] as EntryId).bytes
    entries.splice(index, 1)
    return true
  }

  async function erase(id: string): Promise<void> {
    gone.add(id)
    await storage.remove(prefix + id)
    gone.delete(id)
  }

  async function refresh(): Promise<void> {
    const names = await storage.names(prefix)
    for (const id of [...gone]) await erase(id).catch(() => undefined)
    const found = names.map((each) => parseEntryId(each.slice(prefix.length))).filter((entry) => entry !== undefined)
    replaceEntries(found.filter(({ id }) => !gone.has(id)))
  }

  /** @returns what is gone, undefined when nothing may go */
  async function dropOldest(): Promise<EntryId | undefined> {
    const oldest = entries.find(({ id }) => !sending.has(id))
    if (oldest === undefined) return undefined
    forget(oldest.id)
    await erase(oldest.id).catch(() => undefined)
    onDropped({ id: oldest.id, reason: 'full' })
    return oldest
  }

  const isOver = (more: number) => entries.length + 1 > limits.maxReports || bytes + more > limits.maxBytes
  let isLoaded = false

  async function add(text: string): Promise<Added> {
    const size = utf8Length(text)
    if (size > limits.maxBytes) {
      return { accepted: false, reason: 'too-large', message: `${size} bytes, over the queue's ${limits.maxBytes}` }
    }
    if (!isLoaded) {
      // A storage that cannot be listed may still be written.
      await refresh().catch(() => undefined)
      isLoaded = true
    }
    while (isOver(size) && (await dropOldest()) !== undefined);
    const entry = newEntryId(size, lastOrder)
    lastOrder = entry.order
    for (let freed = 0; ;) {
      try {
        await storage.set(prefix + entry.id, text)
        break
      } catch (error) {
        // Most often a quota: older reports make room, as they do for our own limits. Where twice its size is not enough, it is not.
        const dropped = freed < 2 * size ? await dropOldest() : undefined
        if (dropped === undefined) return { accepted: false, reason: 'storage', message: messageOf(error) }
        freed += dropped.bytes
      }
    }
    entries.push(entry)
    bytes += size
    return { accepted: true, id: entry.id }
  }

  return {
    /** Resolves when the report is in the storage; never rejects. The oldest ones make room. */
    add: (text: string): Promise<Added> => inTurn(() => add(text)),
    /** Looks at the storage again, where others may have added and removed. */
    refresh: (): Promise<void> =>
      inTurn(async () => {
        await refresh()
        isLoaded = true
      }),
    /** What waits, oldest first. */
    waiting: (): readonly EntryId[] => entries,
    bytes: (): number => bytes,
    /** The text of a report; undefined when somebody else has sent or dropped it meanwhile. */
    async read(id: string): Promise<string | undefined> {
      const text = await storage.get(prefix + id)
      const entry = parseEntryId(id)
      if (typeof text === 'string' && utf8Length(text) === entry?.bytes) return text
      const wasOurs = await inTurn(async () => forget(id))
      if (typeof text === 'string' && wasOurs) {
        await erase(id).catch(() => undefined)
        onDropped({ id, reason: 'damaged' })
      }
      return undefined
    },
    /** Takes a report out because there is an answer to it; false when it was out already. */
    settle: (id: string): Promise<boolean> =>
      inTurn(async () => {
        if (!forget(id)) return false
        await erase(id).catch(() => undefined)
        return true
      }),
    /** Reports on their way are not dropped to make room. */
    async whileSending<T>(ids: readonly string[], work: () => Promise<T>): Promise<T> {
      ids.forEach((id) => sending.add(id))
      try {
        return await work()
      } finally {
        ids.forEach((id) => sending.delete(id))
      }
    },
  }
}
