import type { Socket } from 'node:net'
import { endAnswer, startAnswer, writePieces } from './answer.ts'
import type { Exchange, ProxyLimits } from './contract.ts'
import { discardBody } from './discard.ts'
import type { ResponseParser } from './parser.ts'
import type { ResponseHead } from './response-head.ts'
import type { Sweep } from './sweep.ts'

/** An answer on its way to the client: passed on as it comes, with backpressure. */
export class Download {
  readonly head: ResponseHead
  /** the answer does not wait for the rest of the request */
  readonly early: boolean
  bytes = 0
  /** all of it has been written */
  complete = false

  private readonly exchange: Exchange
  private readonly limits: ProxyLimits
  private readonly clock: Sweep
  /** coarse time of the last progress */
  private activity = 0
  /** the upstream's connection, held back until the client has taken what was written */
  private held: Socket | undefined

  constructor(exchange: Exchange, head: ResponseHead, early: boolean, limits: ProxyLimits, clock: Sweep) {
    this.exchange = exchange
    this.head = head
    this.early = early
    this.limits = limits
    this.clock = clock
  }

  /** Writes the head. False when that is not possible. */
  start(parser: ResponseParser): boolean {
    return startAnswer(this.exchange, this.head, parser, this.early)
  }

  /** Writes what has come; `source` is paused while the client is slower. */
  write(parser: ResponseParser, source: Socket): void {
    const { response } = this.exchange
    this.activity = this.clock.now
    this.bytes += writePieces(this.exchange, parser)
    if (response.writableNeedDrain && response.writableLength > 0 && this.held === undefined) {
      this.held = source.pause()
      response.once('drain', () => {
        this.held = undefined
        this.activity = this.clock.now
        source.resume()
      })
    }
  }

  finish(parser: ResponseParser): void {
    const { request, response } = this.exchange
    this.activity = this.clock.now
    this.complete = true
    if (this.early) {
      this.bytes += writePieces(this.exchange, parser)
      // Ending the response closes the connection, and with bytes unread that would be a reset.
      discardBody(request, this.limits, () => response.end())
    } else {
      this.bytes += endAnswer(this.exchange, parser)
    }
  }

  /** Who keeps the other waiting for too long, if anybody does. */
  overdue(now: number, crowded: boolean): 'client' | 'upstream' | undefined {
    const waited = now - this.activity
    if (this.complete || this.held !== undefined) {
      // an early answer is ended by the limits of what is read and dropped
      const { crowdedStallTimeout, clientStallTimeout } = this.limits
      const patience = crowded ? Math.min(crowdedStallTimeout, clientStallTimeout) : clientStallTimeout
      return waited >= patience && !(this.early && this.complete) ? 'client' : undefined
    }
    return waited >= this.limits.bodyIdleTimeout && !this.head.events ? 'upstream' : undefined
  }
}
