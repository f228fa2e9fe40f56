import type autocannon from 'autocannon'
import type { Socket } from 'node:net'

/** One request; times in ms of `performance.now()`. */
export interface Sample {
  due: number
  /** Where its latency counts from: `due` when the connection was still busy then, else the moment it was sent. */
  from: number
  done: number
  /** How late the generator's own timer was. */
  lag: number
  /** Status of the answer, or how the request was lost; `unsent`: the connection was busy until the deadline. */
  outcome: number | 'connect' | 'timeout' | 'reset' | 'unsent'
}

/** When one connection sends: the first request is due at `start`, then one every `interval` ms before `end`. */
export interface Pace {
  start: number
  interval: number
  end: number
  /** What was due before `end` may still be sent until then. */
  deadline: number
}

export interface PacedClient {
  /** Whether a request is under way or about to be sent. */
  isBusy(): boolean
  /** Sends nothing further and reports what was due and never sent. */
  stop(): void
}

/** In ms: a rounding error in the sum of the intervals must not put a request on the wrong side of a limit. */
export const ROUNDING_MS = 0.001

/** What autocannon 9.0.0's client is inside; its version is pinned and a test holds what is used here. */
interface Internals {
  conn: Socket
  parser: { initialize(type: 'RESPONSE'): void }
  pipelinedRequests: { clear(): void }
  _connect(): void
  _doRequest(): void
  on(event: 'response', listener: (status: number) => void): unknown
  on(event: 'connError', listener: (error: NodeJS.ErrnoException) => void): unknown
}

const CONNECT_ERRORS = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'ENOTFOUND',
  'ETIMEDOUT',
])

const lossOf = ({ code = '' }: NodeJS.ErrnoException) => (CONNECT_ERRORS.has(code) ? 'connect' : 'reset')

/**
 * Gives a client of autocannon a fixed arrival rate, to be called in `setupClient`.
 *
 * autocannon's own `overallRate` sends each second's requests in one burst at its beginning, forgets those that a slow
 * server kept it from sending, and corrects for that with `recordValueWithExpectedInterval(ms, ceil(1 / rate))`: an interval
 * in seconds, rounded up, against values in milliseconds, so always 1 ms. Here every request has a time at which it is due,
 * and who measures from `due` leaves nothing out (coordinated omission; Gil Tene, wrk2).
 *
 * It also notices what autocannon does not: a connection closed by the server in the middle of a request is a lost request,
 * and a refused one is tried again when the next request is due rather than in a tight loop.
 */
export function pace(
  client: autocannon.Client,
  { start, interval, end, deadline }: Pace,
  report: (sample: Sample) => void,
): PacedClient {
  const inner = client as unknown as Internals
  const connect = inner._connect.bind(client)
  const write = inner._doRequest.bind(client)
  const last = end - ROUNDING_MS
  let due = start
  let isLate = false
  let timer: NodeJS.Timeout | undefined
  let underWay: Omit<Sample, 'done' | 'outcome'> | undefined
  let connection: 'none' | 'opening' | 'open' | 'lost' = 'none'
  let lastError: NodeJS.ErrnoException | undefined
  let stopped = false

  const finish = (outcome: Sample['outcome']) => {
    if (underWay === undefined) return
    const sample = { ...underWay, done: performance.now(), outcome }
    underWay = undefined
    report(sample)
  }

  const send = () => {
    timer = undefined
    const now = performance.now()
    underWay = isLate ? { due, from: due, lag: 0 } : { due, from: now, lag: Math.max(0, now - due) }
    due += interval
    if (connection === 'open') return write()
    // A parser left in the middle of a cut answer would take the next one for its rest.
    inner.parser.initialize('RESPONSE')
    inner.pipelinedRequests.clear()
    connection = 'opening'
    connect()
    connection = 'open'
  }

  const schedule = () => {
    const now = performance.now()
    if (stopped || timer !== undefined || underWay !== undefined || due >= last || now >= deadline) return
    isLate = due <= now
    timer = setTimeout(send, Math.max(0, due - now))
  }

  // autocannon calls this in its constructor, after an error, after the server's end and after a timeout.
  inner._connect = () => {
    if (connection === 'none') {
      connection = 'open'
      connect()
      return
    }
    const lost = lastError === undefined ? (inner.conn.destroyed ? 'timeout' : 'reset') : lossOf(lastError)
    lastError = undefined
    connection = 'lost'
    finish(lost)
    schedule()
  }
  inner._doRequest = () => (connection === 'opening' ? write() : schedule())
  inner.on('connError', (error) => (lastError = error))
  inner.on('response', finish)

  return {
    isBusy: () => underWay !== undefined || timer !== undefined,
    stop: () => {
      if (stopped) return
      stopped = true
      const now = performance.now()
      // What waits for our own timer was not held up by the server.
      if (timer !== undefined && !isLate) due += interval
      clearTimeout(timer)
      timer = undefined
      for (; due < Math.min(last, now); due += interval)
        report({ due, from: due, done: now, lag: 0, outcome: 'unsent' })
    },
  }
}
