import type { Logger } from '#shared/logger.ts'
import { endAfterDiskFailure } from '#shared/service.ts'
import { EXIT } from '#shared/start.ts'
import { Worker } from 'node:worker_threads'
import type { CollectorConfig } from '../config.ts'
import type { FromWriter, WriterAnswer, WriterData, WriterRequest } from './protocol.ts'
import type { WriterBackend } from './queue.ts'

interface ThreadParts {
  config: CollectorConfig
  logger: Logger
  /** The code of the thread. */
  entry?: URL
}

const RESTART_MS = 100
/** What a write makes is garbage when it is answered: more room for it is only more memory (48 MB without a bound). */
const YOUNG_MB = 12
/** The smaller it is, the sooner V8 looks for garbage; a message of 8 MB needs a tenth of it. */
const OLD_MB = 384
/** A writer that dies more often than this in a minute will not get better: the process ends and is started anew. */
const DEATHS_MAX = 5
const DEATHS_WINDOW_MS = 60_000

/**
 * The only writer of the SQLite file: a thread of its own with its own connection, so that neither an fsync nor a long report
 * holds up a read. A thread that dies takes what it was doing with it and is started anew.
 */
export async function startWriterThread({ config, logger, entry }: ThreadParts): Promise<WriterBackend> {
  let worker: Worker
  let [isAlive, stopping] = [false, false]
  let ready: Promise<void>
  let current: { resolve(answer: WriterAnswer): void; reject(reason: unknown): void } | undefined
  let deaths: number[] = []

  function died(reason: unknown): void {
    isAlive = false
    if (!stopping) {
      const now = Date.now()
      deaths = [...deaths.filter((at) => at > now - DEATHS_WINDOW_MS), now]
      logger.error({ err: reason, deaths: deaths.length }, 'the writer died')
      if (deaths.length > DEATHS_MAX) {
        logger.fatal({}, 'the writer keeps dying')
        process.exit(EXIT.failed)
      }
      ready = new Promise((resolve) => setTimeout(resolve, RESTART_MS)).then(start)
      // One that dies before it is ready is started anew from here, too.
      ready.catch(() => {})
    }
    current?.reject(reason)
  }

  /** @throws what kept it from being ready */
  function start(): Promise<void> {
    if (stopping) return Promise.resolve()
    return new Promise((resolve, reject) => {
      let reason: unknown
      let isReady = false
      isAlive = true
      worker = new Worker(entry ?? new URL('./worker.ts', import.meta.url), {
        workerData: { config } satisfies WriterData,
        name: 'writer',
        resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB, maxOldGenerationSizeMb: OLD_MB },
      })
      worker.on('message', (message: FromWriter) => {
        if ('answer' in message) return current?.resolve(message.answer)
        if ('log' in message) return logger[message.log](message.fields, message.message)
        if ('diskFailure' in message) return endAfterDiskFailure(logger, new Error(message.diskFailure))
        isReady = true
        resolve()
      })
      worker.on('error', (error) => (reason = error))
      worker.on('exit', () => {
        const isFirst = !isReady && deaths.length === 0
        if (!isFirst) died(reason)
        isAlive = false
        reject(reason as Error)
      })
    })
  }

  await (ready = start())

  return {
    async write(request: WriterRequest): Promise<WriterAnswer> {
      await ready.catch(() => ready)
      try {
        return await new Promise<WriterAnswer>((resolve, reject) => {
          current = { resolve, reject }
          worker.postMessage(request)
        })
      } finally {
        current = undefined
      }
    },
    async stop(): Promise<void> {
      stopping = true
      if (!isAlive) return
      await new Promise<void>((resolve) => {
        worker.once('exit', () => resolve())
        worker.postMessage('stop')
      })
    },
  }
}
