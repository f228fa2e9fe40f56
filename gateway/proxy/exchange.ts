import type { Socket } from 'node:net'
import { endAnswer, startAnswer, writePieces } from './answer.ts'
import type { Breaker } from './breaker.ts'
import type { Connection, Receiver } from './connection.ts'
import type { Exchange, Failure, FailureKind, ProxyLimits } from './contract.ts'
import { discardBody } from './discard.ts'
import type { ResponseParser } from './parser.ts'
import type { Pool, Waiter } from './pool.ts'
import { requestHead } from './request-head.ts'
import type { ResponseHead } from './response-head.ts'
import { isRetryable } from './retry.ts'
import type { RetryBudget } from './retry.ts'
import type { Sweep, Swept } from './sweep.ts'
import { Upload } from './upload.ts'

/** What all exchanges with one upstream share. */
export interface Upstream {
  host: string
  limits: ProxyLimits
  clock: Sweep
  pool: Pool
  breaker: Breaker
  budget: RetryBudget
  /** an exchange is over */
  left(): void
}

/** The faults of the load or of the client say nothing about the upstream. */
const NOT_UPSTREAMS_FAULT = new Set<FailureKind>(['overloaded', 'breaker-open', 'request-body-timeout'])

/** One request from its arrival to the end of its answer. */
export class Transfer implements Receiver, Waiter, Swept {
  place = 0
  private readonly upstream: Upstream
  private readonly exchange: Exchange
  private readonly head: string
  private readonly upload: Upload | undefined
  private connection: Connection | undefined
  /** coarse time of the last progress of whatever is waited for */
  private activity: number
  private sentAt = 0
  private upstreamMs: number | undefined
  private bytes = 0
  private retried = false
  /** the breaker has been told how it went */
  private judged = false
  private answering: ResponseHead | undefined
  /** the answer does not wait for the rest of the request */
  private early = false
  private answered = false
  private clientBlocked = false
  /** failed, cut or left: nothing more is to happen */
  private over = false
  private done = false

  constructor(upstream: Upstream, exchange: Exchange) {
    this.upstream = upstream
    this.exchange = exchange
    this.activity = upstream.clock.now
    const { request } = exchange
    const length = request.headers['content-length']
    let framing = ''
    if (request.headers['transfer-encoding'] !== undefined) {
      const trailer = request.headers.trailer
      framing = `transfer-encoding: chunked\r\n${trailer === undefined ? '' : `trailer: ${trailer}\r\n`}`
      this.upload = new Upload(request, Infinity, upstream.limits, upstream.clock, this.uploaded)
    } else if (length !== undefined) {
      framing = `content-length: ${length}\r\n`
      const bytes = Number(length)
      if (bytes > 0) this.upload = new Upload(request, bytes, upstream.limits, upstream.clock, this.uploaded)
    }
    this.head = requestHead(exchange, framing, upstream.host)
  }

  /** @param refusal when the request is not to go upstream at all */
  begin(refusal: Failure | undefined): void {
    const { request, response } = this.exchange
    response.on('close', this.left)
    this.upstream.clock.add(this)
    this.judged = refusal !== undefined
    if (response.destroyed || request.socket.destroyed) this.left()
    else if (refusal !== undefined) this.conclude(refusal)
    else this.dispatch()
  }

  assign(connection: Connection): void {
    const socket = connection.socket
    this.connection = connection
    this.activity = this.upstream.clock.now
    this.sentAt = performance.now()
    connection.receiver = this
    connection.parser.start(this.exchange.request.method as string)
    if (this.upload === undefined) {
      socket.write(this.head, 'latin1')
      return
    }
    // corked until the part of the body that came with the head has been handed on too
    socket.readBeforeDestroy = true
    socket.cork()
    socket.write(this.head, 'latin1')
    if (this.awaitsContinue()) this.exchange.response.writeContinue()
    this.upload.start(socket)
    process.nextTick(uncork, socket)
  }

  connectTimedOut(): void {
    this.conclude({ kind: 'connect-timeout' })
  }

  received(parser: ResponseParser): void {
    if (parser.fault !== undefined) return this.upstreamFailed('bad-response')
    if (parser.head === undefined) return
    this.activity = this.upstream.clock.now
    if (this.answering === undefined) {
      this.upstreamMs = performance.now() - this.sentAt
      if (!this.beginAnswer(parser, parser.head)) return this.upstreamFailed('bad-response')
    }
    if (parser.complete) this.finishAnswer(parser)
    else this.continueAnswer(parser)
  }

  lost(): void {
    this.upstreamFailed('reset')
  }

  drained(): void {
    this.upload?.drained()
  }

  sweep(now: number, elapsed: number): void {
    if (this.over) return
    const { limits, pool } = this.upstream
    const waited = now - this.activity
    if (this.answered) {
      if (!this.early && waited >= limits.clientStallTimeout) this.cut()
    } else if (this.connection === undefined) {
      const patience = pool.downSince === undefined ? limits.headersTimeout : limits.restartWait
      if (now - Math.max(this.activity, pool.downSince ?? 0) < patience) return
      pool.waiting.delete(this)
      if (pool.downSince === undefined) this.conclude({ kind: 'overloaded', retryAfter: 1 })
      else this.conclude({ kind: 'refused', retryAfter: Math.max(1, Math.ceil(limits.restartWait / 1000)) })
    } else if (this.clientBlocked) {
      if (waited >= limits.clientStallTimeout) this.cut()
    } else if (this.uploading) {
      this.sweepUpload(now, elapsed)
    } else if (this.answering === undefined) {
      if (waited >= limits.headersTimeout) this.upstreamFailed('headers-timeout')
    } else if (!this.answering.events && waited >= limits.bodyIdleTimeout) {
      this.upstreamFailed('headers-timeout')
    }
  }

  private sweepUpload(now: number, elapsed: number): void {
    const overdue = this.upload?.overdue(now, elapsed)
    if (overdue === 'client') {
      this.dropConnection()
      if (this.answering === undefined) this.conclude({ kind: 'request-body-timeout' })
      else this.cut()
    } else if (overdue === 'upstream') {
      this.upstreamFailed('headers-timeout')
    }
  }

  private get uploading(): boolean {
    return this.upload !== undefined && !this.upload.complete && !this.early
  }

  private readonly uploaded = (): void => {
    this.activity = this.upstream.clock.now
    if (this.connection !== undefined) this.connection.socket.readBeforeDestroy = false
  }

  private dispatch(): void {
    if (this.over) return
    const { pool, clock } = this.upstream
    this.activity = clock.now
    const connection = pool.take()
    if (connection !== undefined) this.assign(connection)
    else if (!pool.wait(this)) this.conclude({ kind: 'overloaded', retryAfter: 1 })
  }

  /** False when the head cannot be written. */
  private beginAnswer(parser: ResponseParser, head: ResponseHead): boolean {
    // An answer that is complete, or is no success, ends the upload. A success may be written while it still reads.
    this.early = this.uploading && (parser.complete || head.status >= 300)
    if (this.early) this.upload?.stop()
    if (!startAnswer(this.exchange, head, parser, this.early)) return false
    this.answering = head
    // A probe need not last as long as its answer.
    const { breaker } = this.upstream
    if (head.events || breaker.state !== 'closed') breaker.succeeded()
    return true
  }

  private continueAnswer(parser: ResponseParser): void {
    const { response } = this.exchange
    this.bytes += writePieces(this.exchange, parser)
    if (response.writableNeedDrain && response.writableLength > 0 && !this.clientBlocked) {
      this.clientBlocked = true
      this.connection?.socket.pause()
      response.once('drain', this.clientDrained)
    }
  }

  private readonly clientDrained = (): void => {
    this.clientBlocked = false
    this.activity = this.upstream.clock.now
    this.connection?.socket.resume()
  }

  private finishAnswer(parser: ResponseParser): void {
    const { request, response } = this.exchange
    const connection = this.connection as Connection
    this.connection = undefined
    this.answered = true
    this.judged = true
    this.upstream.breaker.succeeded()
    if (this.early) {
      this.bytes += writePieces(this.exchange, parser)
      // Ending the response closes the connection, and with bytes unread that would be a reset.
      discardBody(request, this.upstream.limits, () => response.end())
    } else {
      this.bytes += endAnswer(this.exchange, parser)
      if (this.uploading) this.abandonUpload()
    }
    const bodySent = this.upload === undefined || this.upload.complete
    const reusable = this.answering?.reusable === true && !parser.excess && bodySent && connection.usable
    if (reusable) this.upstream.pool.release(connection)
    else connection.destroy()
  }

  private upstreamFailed(kind: 'reset' | 'bad-response' | 'headers-timeout'): void {
    const started = this.connection?.parser.started === true
    this.dropConnection()
    if (this.answering !== undefined) {
      // A stream that lasts until something breaks is no sign of trouble; a restart would break many at once.
      if (!this.answering.events) this.blame()
      return this.cut()
    }
    const { request } = this.exchange
    if (
      kind === 'reset' &&
      !started &&
      !this.retried &&
      isRetryable(request.method as string, this.upload !== undefined)
    ) {
      if (this.upstream.budget.spend()) {
        this.retried = true
        this.upstream.pool.renew()
        // A process that is killed accepts for a moment longer than it answers: give it time to be gone altogether.
        setTimeout(() => this.dispatch(), this.upstream.limits.reconnectInterval)
        return
      }
    }
    this.conclude({ kind })
  }

  /** No answer from the upstream: the gateway writes one. */
  private conclude(failure: Failure): void {
    const { response } = this.exchange
    this.over = true
    if (!NOT_UPSTREAMS_FAULT.has(failure.kind)) this.blame()
    if (failure.kind === 'request-body-timeout' || (this.awaitsContinue() && this.sentAt === 0)) {
      // what the client sends next could be the body or another request
      this.upload?.stop()
      response.shouldKeepAlive = false
    } else if (this.uploading) {
      this.abandonUpload()
    }
    this.exchange.fail(failure)
  }

  /** An answer that cannot be completed must not look complete. */
  private cut(): void {
    this.over = true
    // not the response: one that waits behind another on its connection would leave its client waiting for ever
    this.exchange.request.socket.destroy()
  }

  private abandonUpload(): void {
    const { request } = this.exchange
    this.upload?.stop()
    discardBody(request, this.upstream.limits, (ended) => {
      if (!ended) request.socket.destroy()
    })
  }

  private awaitsContinue(): boolean {
    const { headers, httpVersion } = this.exchange.request
    return headers.expect?.toLowerCase() === '100-continue' && httpVersion === '1.1'
  }

  private blame(): void {
    if (this.judged) return
    this.judged = true
    this.upstream.breaker.failed()
  }

  private dropConnection(): void {
    const connection = this.connection
    this.connection = undefined
    connection?.destroy()
  }

  private readonly left = (): void => {
    if (this.done) return
    const { response, done } = this.exchange
    this.done = true
    this.over = true
    this.upstream.clock.remove(this)
    this.upstream.pool.waiting.delete(this)
    if (!this.answered) this.upload?.stop()
    this.dropConnection()
    if (!this.judged) this.upstream.breaker.abandoned()
    done?.({
      status: response.headersSent ? response.statusCode : 499,
      bytes: this.bytes,
      upstreamMs: this.upstreamMs,
      aborted: !response.writableFinished && !(this.early && this.answered),
    })
    this.upstream.left()
  }
}

function uncork(socket: Socket): void {
  socket.uncork()
}
