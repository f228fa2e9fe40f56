import type { Socket } from 'node:net'
import type { Breaker } from './breaker.ts'
import type { Connection, Receiver } from './connection.ts'
import type { Exchange, Failure, FailureKind, ProxyLimits } from './contract.ts'
import { discardBody } from './discard.ts'
import { Download } from './download.ts'
import type { ResponseParser } from './parser.ts'
import type { Pool, Waiter } from './pool.ts'
import { awaitsContinue, bodyLength, requestHead } from './request-head.ts'
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

/** One request from its arrival to the end of its answer: waits for a connection, is sent, perhaps again, is answered. */
export class Transfer implements Receiver, Waiter, Swept {
  place = 0
  private readonly upstream: Upstream
  private readonly exchange: Exchange
  private readonly head: string
  private readonly upload: Upload | undefined
  private download: Download | undefined
  private connection: Connection | undefined
  /** coarse time since when a connection or the head of the answer is waited for */
  private since: number
  private sentAt = 0
  private upstreamMs: number | undefined
  private retried = false
  /** the breaker has been told how it went */
  private judged = false
  /** failed, cut or left: nothing more is to happen */
  private over = false
  private done = false

  constructor(upstream: Upstream, exchange: Exchange) {
    const { limits, clock } = upstream
    this.upstream = upstream
    this.exchange = exchange
    this.since = clock.now
    this.head = requestHead(exchange, upstream.host)
    const length = bodyLength(exchange.request)
    if (length > 0) this.upload = new Upload(exchange.request, length, limits, clock, this.uploaded)
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
    const { request, response } = this.exchange
    const socket = connection.socket
    this.connection = connection
    this.since = this.upstream.clock.now
    this.sentAt = performance.now()
    connection.receiver = this
    connection.parser.start(request.method as string)
    if (this.upload === undefined) {
      socket.write(this.head, 'latin1')
      return
    }
    // corked until the part of the body that came with the head has been handed on too
    socket.readBeforeDestroy = true
    socket.cork()
    socket.write(this.head, 'latin1')
    if (awaitsContinue(request)) response.writeContinue()
    this.upload.start(socket)
    process.nextTick(uncork, socket)
  }

  connectTimedOut(): void {
    this.conclude({ kind: 'connect-timeout' })
  }

  received(parser: ResponseParser): void {
    if (parser.fault !== undefined) return this.upstreamFailed('bad-response')
    if (parser.head === undefined) return
    this.download ??= this.startDownload(parser, parser.head)
    if (this.download === undefined) this.upstreamFailed('bad-response')
    else if (parser.complete) this.finish(parser, this.download)
    else this.download.write(parser, (this.connection as Connection).socket)
  }

  lost(): void {
    this.upstreamFailed('reset')
  }

  drained(): void {
    this.upload?.drained()
  }

  sweep(now: number, elapsed: number): void {
    if (this.over) return
    const overdue = this.download?.overdue(now, this.upstream.pool.crowded)
    if (overdue === 'client') this.cut()
    else if (this.download?.complete === true) return
    else if (this.connection === undefined) this.sweepQueued(now)
    else if (this.uploading) this.sweepUpload(now, elapsed)
    else if (overdue === 'upstream') this.upstreamFailed('headers-timeout')
    else if (this.download === undefined && now - this.since >= this.upstream.limits.headersTimeout)
      this.upstreamFailed('headers-timeout')
  }

  private sweepQueued(now: number): void {
    const { limits, pool } = this.upstream
    const { downSince } = pool
    const patience = downSince === undefined ? limits.headersTimeout : limits.restartWait
    if (now - Math.max(this.since, downSince ?? 0) < patience) return
    pool.waiting.delete(this)
    if (downSince === undefined) this.conclude({ kind: 'overloaded', retryAfter: 1 })
    else this.conclude({ kind: 'refused', retryAfter: Math.max(1, Math.ceil(limits.restartWait / 1000)) })
  }

  private sweepUpload(now: number, elapsed: number): void {
    const overdue = this.upload?.overdue(now, elapsed, this.upstream.pool.crowded)
    if (overdue === 'upstream') return this.upstreamFailed('headers-timeout')
    if (overdue === undefined) return
    this.dropConnection()
    if (this.download === undefined) this.conclude({ kind: 'request-body-timeout' })
    else this.cut()
  }

  private get uploading(): boolean {
    return this.upload !== undefined && !this.upload.complete && this.download?.early !== true
  }

  private readonly uploaded = (): void => {
    this.since = this.upstream.clock.now
    if (this.connection !== undefined) this.connection.socket.readBeforeDestroy = false
  }

  private dispatch(): void {
    if (this.over) return
    const { pool, clock } = this.upstream
    this.since = clock.now
    const connection = pool.take()
    if (connection !== undefined) this.assign(connection)
    else if (!pool.wait(this)) this.conclude({ kind: 'overloaded', retryAfter: 1 })
  }

  private startDownload(parser: ResponseParser, head: ResponseHead): Download | undefined {
    const { limits, clock, breaker } = this.upstream
    this.upstreamMs = performance.now() - this.sentAt
    // An answer that is complete, or is no success, ends the upload. A success may be written while it still reads.
    const early = this.uploading && (parser.complete || head.status >= 300)
    const download = new Download(this.exchange, head, early, limits, clock)
    if (!download.start(parser)) return undefined
    if (early) this.upload?.stop()
    // A probe need not last as long as its answer.
    if (head.events || breaker.state !== 'closed') breaker.succeeded()
    return download
  }

  private finish(parser: ResponseParser, download: Download): void {
    const connection = this.connection as Connection
    this.connection = undefined
    this.judged = true
    this.upstream.breaker.succeeded()
    download.finish(parser)
    if (this.uploading) this.abandonUpload()
    const bodySent = this.upload === undefined || this.upload.complete
    if (download.head.reusable && !parser.excess && bodySent && connection.usable)
      this.upstream.pool.release(connection)
    else connection.destroy()
  }

  private upstreamFailed(kind: 'reset' | 'bad-response' | 'headers-timeout'): void {
    const untouched = kind === 'reset' && this.connection?.parser.started !== true
    this.dropConnection()
    if (this.download !== undefined) {
      // A stream that lasts until something breaks is no sign of trouble; a restart would break many at once.
      if (!this.download.head.events) this.blame()
      this.cut()
    } else if (untouched && this.mayRetry()) {
      this.retried = true
      this.upstream.pool.renew()
      // A process that is killed accepts for a moment longer than it answers: give it time to be gone altogether.
      setTimeout(() => this.dispatch(), this.upstream.limits.reconnectInterval)
    } else {
      this.conclude({ kind })
    }
  }

  private mayRetry(): boolean {
    const method = this.exchange.request.method as string
    return !this.retried && isRetryable(method, this.upload !== undefined) && this.upstream.budget.spend()
  }

  /** No answer from the upstream: the gateway writes one. */
  private conclude(failure: Failure): void {
    const { request, response } = this.exchange
    this.over = true
    if (!NOT_UPSTREAMS_FAULT.has(failure.kind)) this.blame()
    if (failure.kind === 'request-body-timeout' || (awaitsContinue(request) && this.sentAt === 0)) {
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
    const { download } = this
    this.done = true
    this.over = true
    this.upstream.clock.remove(this)
    this.upstream.pool.waiting.delete(this)
    if (download?.complete !== true) this.upload?.stop()
    this.dropConnection()
    if (!this.judged) this.upstream.breaker.abandoned()
    done?.({
      status: response.headersSent ? response.statusCode : 499,
      bytes: download?.bytes ?? 0,
      upstreamMs: this.upstreamMs,
      aborted: !response.writableFinished && !(download?.early === true && download.complete),
    })
    this.upstream.left()
  }
}

function uncork(socket: Socket): void {
  socket.uncork()
}
