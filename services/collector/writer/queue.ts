import { databaseUnusable } from '#shared/group-commit.ts'
import type { Health } from '#shared/health.ts'
import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import { onceOf, sendPerformed, type Answer, type AnswerOptions, type Performed } from '#shared/writes.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CollectorConfig } from '../config.ts'
import type { IngestItem, ItemOutcome } from '../ingest/item.ts'
import type { Standings } from '../tenants/standings.ts'
import { changedTenants } from './changed.ts'
import { SILENT_COMMANDS, type Commands } from './commands.ts'
import { createLanes, type InLane } from './lanes.ts'
import { valueOf, type Outcome, type SentCommand, type WriterAnswer, type WriterRequest } from './protocol.ts'

type CommandName = keyof Commands
/** Commands whose result is an answer, so that it can be remembered by Idempotency-Key. */
type AnsweringName = { [N in CommandName]: ReturnType<Commands[N]> extends Answer ? N : never }[CommandName]

/** What writes: a thread on SQLite, transactions on PostgreSQL. It has one request at a time. */
export interface WriterBackend {
  /**
   * Writes everything that came together; the answer comes when it is on disk.
   * @throws when nobody knows whether it is
   */
  write(request: WriterRequest): Promise<WriterAnswer>
  stop(): Promise<void>
}

interface QueueParts {
  config: CollectorConfig
  health: Pick<Health, 'isDatabaseUsable'>
  backend: WriterBackend
  /** Told before a write is answered that may have changed what a tenant reads. */
  onChange?: (tenant: Tenant) => void
  /** Told, before a write is answered, what it left. */
  standings?: Pick<Standings, 'told' | 'forget'>
}

/** Something that waits: reports of one tenant, or one command. */
interface Waiting extends InLane {
  items: readonly IngestItem[]
  bytes: number
  command?: SentCommand
  settle(items: readonly Outcome<ItemOutcome>[], command: Outcome<unknown> | undefined): void
  fail(error: Error): void
}

export type Writer = ReturnType<typeof createWriter>

/** Of one message: it is read, prepared and written in one go, and what comes after it waits for that. */
const MESSAGE_ITEMS_MAX = 1000
const MESSAGE_BYTES_MAX = 8_388_608
/** Of one tenant in a message while others write, too: they wait for it. */
const SHARED_ITEMS_MAX = 250
/** Who wrote so long ago is about to write again. */
const SHARED_MS = 1000
/** The lane of what is nobody's. */
const OWN_LANE = ''
const LINGER_MS = 2

const overloaded = () =>
  new Problem('overloaded', { detail: 'Too many writes are waiting', headers: { 'retry-after': '1' } })
const interrupted = (cause?: unknown) =>
  new Problem('unavailable', {
    detail: 'The write was interrupted; send it again, what was stored already is not stored twice',
    headers: { 'retry-after': '1' },
    ...(cause === undefined ? {} : { cause }),
  })

const laneOf = ({ name, args, owner }: SentCommand): string =>
  owner ?? (SILENT_COMMANDS.has(name) ? OWN_LANE : (args[0] as Tenant))

/**
 * The queue in front of what writes. What comes while it writes waits here and goes over together, as one transaction; every
 * promise is kept only after that is on disk. Tenants have their turns, whoever of them sends most. Beyond its bounds it refuses,
 * and before that whoever has most of it: a tenant that comes finds room. When the backend fails nobody knows what of its
 * request is on disk: that is 503, and what still waited goes on.
 */
export function createWriter({ config, health, backend, onChange, standings }: QueueParts) {
  let stopping = false
  const queue = createLanes<Waiting>()
  /** What each tenant has in the queue and under way. */
  const held = new Map<string, { writes: number; bytes: number }>()
  let [lastLane, sharedAt] = [OWN_LANE, -Infinity]
  let isWriting = false
  let [writes, bytes] = [0, 0]
  let scheduled = false
  let timer: NodeJS.Timeout | undefined
  /** Writes in the last request. */
  let group = 0
  let idle: (() => void) | undefined

  function take(): Waiting[] {
    const isShared = performance.now() - sharedAt < SHARED_MS
    const taken = queue.take({
      count: MESSAGE_ITEMS_MAX,
      bytes: MESSAGE_BYTES_MAX,
      ofLane: isShared ? SHARED_ITEMS_MAX : MESSAGE_ITEMS_MAX,
    })
    group = taken.length
    return taken
  }

  async function flush(): Promise<void> {
    scheduled = false
    clearTimeout(timer)
    timer = undefined
    if (isWriting || queue.length() === 0) return
    isWriting = true
    const taken = take()
    const request: WriterRequest = {
      items: taken.flatMap(({ items }) => items),
      commands: taken.flatMap(({ command }) => (command === undefined ? [] : [command])),
    }
    let cause: unknown
    const answer = await backend.write(request).catch((error: unknown) => void (cause = error))
    isWriting = false
    settle(taken, request, answer ?? undefined, cause)
    if (queue.length() > 0) schedule()
  }

  /** As many senders as last time are on their way again: a moment's wait makes one transaction of two. */
  function schedule(): void {
    if (scheduled || isWriting) return
    if (queue.length() < group / 2) return void (timer ??= setTimeout(() => void flush(), LINGER_MS))
    scheduled = true
    setImmediate(() => void flush())
  }

  function settle(
    done: readonly Waiting[],
    request: WriterRequest,
    answer: WriterAnswer | undefined,
    cause?: unknown,
  ): void {
    done.forEach(leave)
    if (writes === 0) idle?.()
    let [at, command] = [0, 0]
    const outcomes = done.map((waiting) => answer?.items.slice(at, (at += waiting.items.length)))
    const changed = new Set(changedTenants(request, answer))
    changed.forEach((tenant) => standings?.forget(tenant))
    standings?.told(answer?.standings ?? [])
    if (onChange !== undefined) changed.forEach(onChange)
    done.forEach((waiting, index) => {
      const own = outcomes[index]
      if (own === undefined) return waiting.fail(interrupted(cause))
      waiting.settle(own, waiting.command === undefined ? undefined : answer?.commands[command++])
    })
  }

  function leave({ lane, count, bytes: size }: Waiting): void {
    writes -= count
    bytes -= size
    const own = held.get(lane) as { writes: number; bytes: number }
    own.writes -= count
    own.bytes -= size
    if (own.writes === 0) held.delete(lane)
  }

  /** Whether a tenant may have so much more of a bounded queue: what it has and what is free decide. */
  const isAdmitted = (all: number, own: number, more: number, max: number) =>
    all + more <= max && (own === 0 || own + more <= config.WRITE_QUEUE_SHARE * (max - all - more))

  function enter(waiting: Waiting): boolean {
    const { lane, count, bytes: size } = waiting
    const own = held.get(lane) ?? { writes: 0, bytes: 0 }
    const fits =
      isAdmitted(writes, own.writes, count, config.WRITE_QUEUE_MAX) &&
      isAdmitted(bytes, own.bytes, size, config.WRITE_QUEUE_MAX_BYTES)
    if (writes > 0 && !fits) return false
    writes += count
    bytes += size
    held.set(lane, { writes: own.writes + count, bytes: own.bytes + size })
    if (lane !== OWN_LANE && lane !== lastLane) {
      if (lastLane !== OWN_LANE) sharedAt = performance.now()
      lastLane = lane
    }
    queue.add(waiting)
    return true
  }

  function add(waiting: Waiting): void {
    if (!health.isDatabaseUsable()) return waiting.fail(databaseUnusable())
    if (stopping) return waiting.fail(interrupted())
    if (!enter(waiting)) return waiting.fail(overloaded())
    schedule()
  }

  const send = <T>(command: SentCommand): Promise<T> =>
    new Promise((resolve, reject) => {
      add({
        lane: laneOf(command),
        count: 1,
        items: [],
        bytes: 0,
        command,
        settle: (_items, outcome) => {
          try {
            resolve(valueOf(outcome as Outcome<T>))
          } catch (error) {
            reject(error as Error)
          }
        },
        fail: reject,
      })
    })

  return {
    /** Runs a command; its result comes when it is on disk. */
    run: <N extends CommandName>(name: N, ...args: Parameters<Commands[N]>): Promise<ReturnType<Commands[N]>> =>
      send({ name, args }),
    /**
     * Runs a command and sends its answer once it is on disk; under the request's Idempotency-Key, if it has one.
     * @param owner whose key that is: a tenant
     */
    async answer<N extends AnsweringName>(
      request: FastifyRequest,
      reply: FastifyReply,
      owner: string,
      [name, ...args]: readonly [N, ...Parameters<Commands[N]>],
      options: AnswerOptions = {},
    ): Promise<Performed> {
      const once = onceOf(request, owner, options)
      const performed = await send<Performed>({ name, args, owner, ...(once === undefined ? {} : { once }) })
      sendPerformed(reply, performed)
      return performed
    },
    /**
     * Takes in reports; what became of each, in their order, once that is on disk.
     * @param release called in the same moment in which that is counted; false: nothing was written
     * @throws when nothing could be written
     */
    ingest: (
      items: readonly IngestItem[],
      release?: (isWritten: boolean) => void,
    ): Promise<readonly Outcome<ItemOutcome>[]> =>
      new Promise((resolve, reject) => {
        let size = 0
        for (const { text } of items) size += text.length
        const lane = items[0]?.tenantId ?? OWN_LANE
        const settle = (outcomes: readonly Outcome<ItemOutcome>[]) => {
          release?.(true)
          resolve(outcomes)
        }
        const fail = (error: Error) => {
          release?.(false)
          reject(error)
        }
        add({ lane, count: Math.max(1, items.length), items, bytes: size, settle, fail })
      }),
    /** Writes that wait or are under way, a report being one. */
    pending: (): number => writes,
    /** Writes what still waits and ends the backend. */
    async stop(): Promise<void> {
      if (writes > 0) await new Promise<void>((resolve) => (idle = resolve))
      stopping = true
      await backend.stop()
    },
  }
}
