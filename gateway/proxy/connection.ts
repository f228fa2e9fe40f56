import { Socket } from 'node:net'
import { countStreamed } from '#shared/streamed.ts'
import type { Address } from '#shared/addresses.ts'
import { ResponseParser } from './parser.ts'

/** Who is being answered on a connection. */
export interface Receiver {
  /** the parser has been fed, or the upstream has ended its side */
  received(parser: ResponseParser): void
  /** the connection is gone before the answer was complete */
  lost(): void
  /** the upstream has taken what was written */
  drained(): void
}

/** What becomes of a connection; told once each. */
export interface ConnectionOwner {
  opened(connection: Connection): void
  failed(connection: Connection): void
  closed(connection: Connection): void
}

const READ_BYTES = 65_536

/**
 * An upstream that refuses a body answers and closes with bytes unread, so the next write fails while its answer is still
 * in our receive buffer. Node would destroy the socket at once; during an upload one more round of reading comes first.
 */
class UpstreamSocket extends Socket {
  readBeforeDestroy = false

  override destroy(error?: Error & { syscall?: string }): this {
    if (this.readBeforeDestroy && error?.syscall === 'write') {
      this.readBeforeDestroy = false
      setImmediate(() => setImmediate(() => super.destroy(error)))
      return this
    }
    return super.destroy(error)
  }
}

/** A keep-alive connection: one request at a time, read without a stream into a buffer that is reused when nothing holds it. */
export class Connection {
  readonly socket: UpstreamSocket
  readonly parser: ResponseParser
  receiver: Receiver | undefined
  /** coarse time of the attempt, later of becoming idle */
  since: number
  usable = false

  private connected = false
  private readonly owner: ConnectionOwner
  private buffer = Buffer.allocUnsafeSlow(READ_BYTES)

  constructor(address: Address, maxHeaderBytes: number, owner: ConnectionOwner, now: number) {
    this.owner = owner
    this.since = now
    this.parser = new ResponseParser(maxHeaderBytes)
    this.socket = new UpstreamSocket({
      noDelay: true,
      onread: { buffer: () => this.nextBuffer(), callback: (length) => this.read(length) },
    })
    this.socket.on('connect', () => {
      this.connected = true
      this.usable = true
      this.owner.opened(this)
    })
    this.socket.on('end', () => this.ended())
    this.socket.on('drain', () => this.receiver?.drained())
    // an error is always followed by close, where it is dealt with
    this.socket.on('error', () => undefined)
    this.socket.on('close', () => this.closed())
    if ('socketPath' in address) this.socket.connect({ path: address.socketPath })
    else this.socket.connect({ host: address.host, port: address.port })
  }

  destroy(): void {
    this.usable = false
    this.receiver = undefined
    this.socket.readBeforeDestroy = false
    this.socket.destroy()
  }

  private nextBuffer(): Buffer {
    if (this.parser.retained) {
      this.parser.retained = false
      countStreamed(READ_BYTES)
      this.buffer = Buffer.allocUnsafeSlow(READ_BYTES)
    }
    return this.buffer
  }

  private read(length: number): boolean {
    const receiver = this.receiver
    if (receiver === undefined) {
      // bytes that belong to no request (RFC 9112 9.2)
      this.destroy()
    } else {
      this.parser.feed(this.buffer, length)
      receiver.received(this.parser)
    }
    return true
  }

  private ended(): void {
    this.usable = false
    const receiver = this.receiver
    if (receiver === undefined) return
    if (this.parser.eof()) receiver.received(this.parser)
    else this.lose()
  }

  private closed(): void {
    this.usable = false
    if (this.connected) this.owner.closed(this)
    else this.owner.failed(this)
    this.lose()
  }

  private lose(): void {
    const receiver = this.receiver
    this.receiver = undefined
    receiver?.lost()
  }
}
