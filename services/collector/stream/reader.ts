import type { Tenant } from '#shared/scope.ts'
import { Readable } from 'node:stream'
import type { ArrivalFilter } from './arrivals.ts'
import { beginAt, heartbeatAt } from './events.ts'
import type { Feed } from './feed.ts'
import type { StreamConfig } from './settings.ts'

/** Bytes that wait for one reader; then it is asked whether it takes them. */
const WAITING_BYTES = 16_384

export interface ReaderParts {
  feed: Feed
  tenant: Tenant
  /** Where it goes on. */
  place: number
  filter: ArrivalFilter
  config: StreamConfig
  onDropped(): void
}

export interface Reader {
  stream: Readable
  wake(): void
  /** Ends it after what it has. */
  end(): void
}

/**
 * The events of one reader, made when it takes them: what it does not take stays in the database. Who takes nothing for
 * STREAM_STALL_MS is dropped.
 */
export function createReader({ feed, tenant, place: from, filter, config, onDropped }: ReaderParts): Reader {
  let place = from
  let [isAsked, isBusy, isAwake, isEnding] = [false, false, false, false]
  let stalledAt = 0
  let saidAt = Date.now()

  function say(text: string): void {
    saidAt = Date.now()
    isAsked = stream.push(text)
    if (!isAsked) stalledAt = saidAt
  }

  const isOver = () => isEnding || stream.destroyed

  async function go(): Promise<void> {
    if (isBusy || stream.destroyed) return
    isBusy = true
    isAwake = true
    try {
      while (isAsked && isAwake && !isEnding) {
        isAwake = false
        const page = await feed.after({ tenant, filter, isOver }, place)
        if (stream.destroyed) continue
        place = page.place
        if (!page.isLast) isAwake = true
        if (page.arrivals.length > 0) say(page.arrivals.map(({ event }) => event).join(''))
      }
    } catch (error) {
      stream.destroy(error as Error)
    } finally {
      isBusy = false
      if (isEnding && !stream.destroyed) stream.push(null)
    }
  }

  const timer = setInterval(
    () => {
      const now = Date.now()
      if (!isAsked && now - stalledAt >= config.STREAM_STALL_MS) {
        onDropped()
        stream.destroy(new Error('the reader takes nothing'))
      } else if (isAsked && !isEnding && now - saidAt >= config.STREAM_HEARTBEAT_MS) {
        say(heartbeatAt(place))
        // What was not told of is found now.
        void feed.look(tenant).catch(() => {})
      }
    },
    Math.min(config.STREAM_HEARTBEAT_MS, config.STREAM_STALL_MS) / 2,
  )
  const life = setTimeout(() => end(), config.STREAM_MAX_S * 1000)

  function end(): void {
    isEnding = true
    if (!isBusy && !stream.destroyed) stream.push(null)
  }

  const stream: Readable = new Readable({
    highWaterMark: WAITING_BYTES,
    read() {
      isAsked = true
      void go()
    },
    destroy(error, done) {
      clearInterval(timer)
      clearTimeout(life)
      done(error)
    },
  })
  say(beginAt(place))
  return {
    stream,
    wake() {
      isAwake = true
      void go()
    },
    end,
  }
}
