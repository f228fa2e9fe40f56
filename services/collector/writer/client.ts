import type { Health } from '#shared/health.ts'
import type { Logger } from '#shared/logger.ts'
import { Problem } from '#shared/problem.ts'
import { endAfterDiskFailure } from '#shared/service.ts'
import { EXIT } from '#shared/start.ts'
import { onceOf, sendPerformed, type Answer, type AnswerOptions, type Performed } from '#shared/writes.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Worker } from 'node:worker_threads'
import type { CollectorConfig } from '../config.ts'
import type { IngestItem, ItemOutcome } from '../ingest/item.ts'
import type { Commands } from './commands.ts'
import { valueOf, type FromWriter, type Outcome, type SentCommand, type WriterAnswer } from './protocol.ts'
import type { WriterData, WriterRequest } from './protocol.ts'

type CommandName = keyof Commands
/** Commands whose result is an answer, so that it can be remembered by Idempotency-Key. */
type AnsweringName = { [N in CommandName]: ReturnType<Commands[N]> extends Answer ? N : never }[CommandName]

interface WriterParts {
  config: CollectorConfig
  health: Pick<Health, 'isDatabaseUsable'>
  logger: Logger
  /** The code of the thread. */
  entry?: URL
}

/** Something that waits: reports, or one command. */
interface Waiting {
  items: readonly IngestItem[]
  bytes: number
  command?: SentCommand
  settle(items: readonly Outcome<ItemOutcome>[], command: Outcome<unknown> | undefined): void
  fail(error: Error): void
}

export type Writer = Awaited<ReturnType<typeof startWriter>>

/** Of one message: it is read, prepared and written in one go, and what comes after it waits for that. */
const MESSAGE_ITEMS_MAX = 1000
const MESSAGE_BYTES_MAX = 8_388_608
const LINGER_MS = 2
const RESTART_MS = 100
/** A writer that dies more often than this in a minute will not get better: the process ends and is started anew. */
const DEATHS_MAX = 5
const DEATHS_WINDOW_MS = 60_000

const overloaded = () =>
  new Problem('overloaded', { detail: 'Too many writes are waiting', headers: { 'retry-after': '1' } })
const interrupted = () =>
  new Problem('unavailable', {
    detail: 'The write was interrupted; send it again, what was stored already is not stored twice',
    headers: { 'retry-after': '1' },
  })

/**
 * The only writer of the database: a thread of its own with its own connection, so that neither an fsync nor a long report
 * holds up a read. What comes while it writes waits here and goes over in one message; every promise is kept only after the
 * transaction is on disk. A thread that dies takes what it was doing with it (503: whether that is on disk nobody knows) and
 * is started anew; what still waited goes to the next one.
 */
export async function startWriter({ config, health, logger, entry }: WriterParts) {
  let worker: Worker
  let isReady = false
  let [isAlive, stopping] = [false, false]
  let queue: Waiting[] = []
  let current: Waiting[] | undefined
  let [writes, bytes] = [0, 0]
  let deaths: number[] = []
  let scheduled = false
  let timer: NodeJS.Timeout | undefined
  /** Writes in the last message. */
  let group = 0
  let idle: (() => void) | undefined

  function flush(): void {
    scheduled = false
    clearTimeout(timer)
    timer = undefined
    if (!isReady || current !== undefined || queue.length === 0) return
    let [count, size, end] = [0, 0, 0]
    for (const { items, bytes: more } of queue) {
      if (end > 0 && (count + items.length > MESSAGE_ITEMS_MAX || size + more > MESSAGE_BYTES_MAX)) break
      count += items.length
      size += more
      end++
    }
    group = end
    current = queue.slice(0, end)
    queue = queue.slice(end)
    const request: WriterRequest = {
      items: current.flatMap(({ items }) => items),
      commands: current.flatMap(({ command }) => (command === undefined ? [] : [command])),
    }
    worker.postMessage(request)
  }

  /** As many senders as last time are on their way again: a moment's wait makes one transaction of two. */
  function schedule(): void {
    if (scheduled || current !== undefined) return
    if (queue.length < group / 2) return void (timer ??= setTimeout(flush, LINGER_MS))
    scheduled = true
    setImmediate(flush)
  }

  function release(done: readonly Waiting[]): void {
    for (const waiting of done) {
      writes -= Math.max(1, waiting.items.length)
      bytes -= waiting.bytes
    }
    if (writes === 0) idle?.()
  }

  function settle({ items, commands }: WriterAnswer): void {
    const done = current ?? []
    current = undefined
    release(done)
    let [at, command] = [0, 0]
    for (const waiting of done) {
      const own = items.slice(at, (at += waiting.items.length))
      waiting.settle(own, waiting.command === undefined ? undefined : commands[command++])
    }
    if (queue.length > 0) schedule()
  }

  function add(waiting: Waiting): void {
    const count = Math.max(1, waiting.items.length)
    if (!health.isDatabaseUsable()) {
      return waiting.fail(new Problem('unavailable', { detail: 'The database is not usable' }))
    }
    if (stopping) return waiting.fail(interrupted())
    const isFull = writes + count > config.WRITE_QUEUE_MAX || bytes + waiting.bytes > config.WRITE_QUEUE_MAX_BYTES
    if (writes > 0 && isFull) return waiting.fail(overloaded())
    writes += count
    bytes += waiting.bytes
    queue.push(waiting)
    schedule()
  }

  function died(reason: unknown): void {
    isReady = false
    const lost = current ?? []
    current = undefined
    release(lost)
    for (const { fail } of lost) fail(interrupted())
    if (stopping) return
    const now = Date.now()
    deaths = [...deaths.filter((at) => at > now - DEATHS_WINDOW_MS), now]
    logger.error({ err: reason, deaths: deaths.length }, 'the writer died')
    if (deaths.length > DEATHS_MAX) {
      logger.fatal({}, 'the writer keeps dying')
      process.exit(EXIT.failed)
    }
    setTimeout(() => stopping || start(), RESTART_MS)
  }

  function start(onReady?: () => void, onRefusal?: (error: unknown) => void): void {
    let reason: unknown
    isAlive = true
    worker = new Worker(entry ?? new URL('./worker.ts', import.meta.url), {
      workerData: { config } satisfies WriterData,
      name: 'writer',
    })
    worker.on('message', (message: FromWriter) => {
      if ('answer' in message) return settle(message.answer)
      if ('log' in message) return logger[message.log](message.fields, message.message)
      if ('diskFailure' in message) return endAfterDiskFailure(logger, new Error(message.diskFailure))
      isReady = true
      onReady?.()
      if (queue.length > 0) schedule()
    })
    worker.on('error', (error) => (reason = error))
    worker.on('exit', () => {
      isAlive = false
      if (!isReady && onRefusal !== undefined) return onRefusal(reason)
      died(reason)
    })
  }

  await new Promise<void>((resolve, reject) => start(resolve, reject))

  const send = <T>(command: SentCommand): Promise<T> =>
    new Promise((resolve, reject) => {
      add({
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
    /** Takes in reports; what became of each, in their order, once that is on disk. @throws when nothing could be written */
    ingest: (items: readonly IngestItem[]): Promise<readonly Outcome<ItemOutcome>[]> =>
      new Promise((resolve, reject) => {
        let size = 0
        for (const { text } of items) size += text.length
        add({ items, bytes: size, settle: resolve, fail: reject })
      }),
    /** Writes that wait or are under way, a report being one. */
    pending: (): number => writes,
    /** Writes what still waits and ends the thread. */
    async stop(): Promise<void> {
      if (writes > 0) await new Promise<void>((resolve) => (idle = resolve))
      stopping = true
      if (!isAlive) return
      await new Promise<void>((resolve) => {
        worker.once('exit', () => resolve())
        worker.postMessage('stop')
      })
    },
  }
}
