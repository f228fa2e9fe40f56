import type { ConnectionOwner } from './connection.ts'
import { Connection } from './connection.ts'
import type { Address } from '#shared/addresses.ts'
import type { ProxyLimits } from './contract.ts'
import type { Sweep, Swept } from './sweep.ts'

export interface Waiter {
  assign(connection: Connection): void
  /** no connection came up in time */
  connectTimedOut(): void
}

/**
 * The connections to one upstream. Requests that find none wait in order. When the upstream refuses connections the pool is
 * `down`: everybody goes on waiting behind one attempt at a time until it is back or their own patience ends.
 */
export class Pool implements ConnectionOwner, Swept {
  readonly waiting = new Set<Waiter>()
  size = 0
  place = 0
  /** coarse time since when the upstream refuses connections, or undefined */
  downSince: number | undefined

  private readonly address: Address
  private readonly limits: ProxyLimits
  private readonly clock: Sweep
  private readonly idle: Connection[] = []
  private readonly connecting = new Set<Connection>()
  private reconnect: NodeJS.Timeout | undefined
  private draining = false

  constructor(address: Address, limits: ProxyLimits, clock: Sweep) {
    this.address = address
    this.limits = limits
    this.clock = clock
    clock.add(this)
  }

  get idleCount(): number {
    return this.idle.length
  }

  /** Every connection is in use and requests wait for one. */
  get crowded(): boolean {
    return this.waiting.size > 0 && this.downSince === undefined && this.size >= this.limits.maxConnections
  }

  /** The idle connection used last, which is the one least likely to be closed by the upstream. */
  take(): Connection | undefined {
    for (let connection = this.idle.pop(); connection !== undefined; connection = this.idle.pop()) {
      if (connection.usable && connection.socket.writable) return connection
      connection.destroy()
    }
    return undefined
  }

  /** False when too many wait already. */
  wait(waiter: Waiter): boolean {
    if (this.waiting.size >= this.limits.maxQueue) return false
    this.waiting.add(waiter)
    this.grow()
    return true
  }

  /** A connection whose answer is complete and that may carry another request. */
  release(connection: Connection): void {
    connection.receiver = undefined
    if (this.serve(connection)) return
    if (this.draining) return connection.destroy()
    connection.since = this.clock.now
    this.idle.push(connection)
  }

  /** Closes what is idle: where one connection turned out to be dead, the others may be too and only not have said so. */
  renew(): void {
    for (const connection of this.idle.splice(0)) connection.destroy()
  }

  /** Closes what is idle and, from now on, what becomes idle. */
  drain(): void {
    this.draining = true
    this.renew()
  }

  stop(): void {
    this.drain()
    clearTimeout(this.reconnect)
    for (const connection of this.connecting) connection.destroy()
    this.clock.remove(this)
  }

  opened(connection: Connection): void {
    this.connecting.delete(connection)
    this.downSince = undefined
    this.release(connection)
    this.grow()
  }

  failed(connection: Connection): void {
    this.size--
    if (!this.connecting.delete(connection)) return this.grow()
    this.downSince ??= this.clock.now
    this.reconnectLater()
  }

  closed(connection: Connection): void {
    this.size--
    const place = this.idle.indexOf(connection)
    if (place >= 0) this.idle.splice(place, 1)
    this.grow()
  }

  sweep(now: number): void {
    for (const connection of this.connecting) {
      if (now - connection.since >= this.limits.connectTimeout) this.giveUp(connection)
    }
    // the least recently used are at the front
    while (this.idle.length > 0 && now - (this.idle[0] as Connection).since >= this.limits.keepAliveTimeout) {
      ;(this.idle.shift() as Connection).destroy()
    }
  }

  /** An attempt that hangs fails who waits longest; all of them when no connection is left that could serve them. */
  private giveUp(connection: Connection): void {
    this.connecting.delete(connection)
    connection.destroy()
    const established = this.size - this.connecting.size - 1
    for (const waiter of [...this.waiting]) {
      this.waiting.delete(waiter)
      waiter.connectTimedOut()
      if (established > 0) break
    }
  }

  private serve(connection: Connection): boolean {
    if (this.waiting.size === 0) return false
    for (const waiter of this.waiting) {
      this.waiting.delete(waiter)
      waiter.assign(connection)
      return true
    }
    return false
  }

  private grow(): void {
    if (this.downSince !== undefined) {
      if (this.connecting.size === 0 && this.reconnect === undefined && this.waiting.size > 0) this.open()
      return
    }
    while (this.connecting.size < this.waiting.size && this.size < this.limits.maxConnections) this.open()
  }

  private reconnectLater(): void {
    if (this.waiting.size === 0 || this.reconnect !== undefined) return
    this.reconnect = setTimeout(() => {
      this.reconnect = undefined
      this.grow()
    }, this.limits.reconnectInterval)
  }

  private open(): void {
    this.size++
    this.connecting.add(new Connection(this.address, this.limits.maxHeaderBytes, this, this.clock.now))
  }
}
