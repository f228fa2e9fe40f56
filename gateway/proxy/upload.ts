import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { countStreamed } from '#shared/streamed.ts'
import type { ProxyLimits } from './contract.ts'
import { headerName } from './header-names.ts'
import type { Sweep } from './sweep.ts'

/** A request body on its way upstream: streamed with backpressure, never held. Not read before `start`. */
export class Upload {
  complete = false

  private readonly request: IncomingMessage
  private readonly limits: ProxyLimits
  private readonly clock: Sweep
  private readonly completed: () => void
  /** bytes still to come; Infinity when chunked */
  private remaining: number
  private socket: Socket | undefined
  /** the upstream does not take more for now, so it is not the client who is slow */
  private blocked = false
  private activity = 0
  private windowBytes = 0
  private windowTime = 0

  /** @param length of the body, Infinity when it comes in chunks */
  constructor(request: IncomingMessage, length: number, limits: ProxyLimits, clock: Sweep, completed: () => void) {
    this.request = request
    this.remaining = length
    this.limits = limits
    this.clock = clock
    this.completed = completed
  }

  start(socket: Socket): void {
    this.socket = socket
    this.activity = this.clock.now
    this.request.on('data', this.onData)
    if (this.remaining === Infinity) this.request.on('end', this.onEnd)
  }

  /** Nothing more goes upstream. */
  stop(): void {
    this.socket = undefined
    this.request.off('data', this.onData).off('end', this.onEnd)
  }

  drained(): void {
    if (!this.blocked) return
    this.blocked = false
    this.activity = this.clock.now
    this.request.resume()
  }

  /** Who keeps the other waiting for too long, if anybody does. */
  overdue(now: number, elapsed: number, crowded: boolean): 'client' | 'upstream' | undefined {
    const { bodyIdleTimeout, crowdedStallTimeout, minBodyRate, crowdedBodyRate } = this.limits
    const waited = now - this.activity
    const idle = waited >= bodyIdleTimeout
    if (this.blocked) {
      this.windowBytes = this.windowTime = 0
      return idle ? 'upstream' : undefined
    }
    if (idle || (crowded && waited >= crowdedStallTimeout)) return 'client'
    this.windowTime += elapsed
    if (this.windowTime < this.limits.bodyRateGrace) return undefined
    const rate = crowded ? Math.max(crowdedBodyRate, minBodyRate) : minBodyRate
    const slow = this.windowBytes * 1000 < rate * this.windowTime
    this.windowBytes = this.windowTime = 0
    return slow ? 'client' : undefined
  }

  private readonly onData = (chunk: Buffer): void => {
    const socket = this.socket as Socket
    this.activity = this.clock.now
    this.windowBytes += chunk.length
    countStreamed(chunk.length)
    if (this.remaining === Infinity) {
      socket.cork()
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
      socket.write(chunk)
      socket.write('\r\n', 'latin1')
      socket.uncork()
    } else {
      socket.write(chunk)
      this.remaining -= chunk.length
      if (this.remaining === 0) return this.finish()
    }
    if (socket.writableNeedDrain) {
      this.blocked = true
      this.request.pause()
    }
  }

  private readonly onEnd = (): void => {
    this.socket?.write(`0\r\n${trailerLines(this.request.rawTrailers)}\r\n`, 'latin1')
    this.finish()
  }

  private finish(): void {
    this.complete = true
    this.completed()
  }
}

function trailerLines(raw: readonly string[]): string {
  let lines = ''
  for (let i = 0; i < raw.length; i += 2) {
    const name = headerName(raw[i] as string)
    if (name !== undefined && !name.headOnly) lines += `${name.lower}: ${raw[i + 1]}\r\n`
  }
  return lines
}
