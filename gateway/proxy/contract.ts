import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Address } from '#shared/addresses.ts'

export type BreakerState = 'closed' | 'open' | 'half-open'

/** Times in milliseconds, sizes in bytes. */
export interface ProxyLimits {
  /** a connection that is not up after this is given up: 504 */
  connectTimeout: number
  /** request completely sent -> response head: 504; also the longest wait for a free connection: 503 */
  headersTimeout: number
  /** no byte of the request body from the client (408), none taken (504) or none sent (cut) by the upstream */
  bodyIdleTimeout: number
  /** bytes a second a client must send while its body is awaited, judged over each bodyRateGrace: 408 */
  minBodyRate: number
  bodyRateGrace: number
  /** a client that takes nothing of its answer for this long is cut, so that it cannot hold a connection for ever */
  clientStallTimeout: number
  /** the same two while every connection is in use and requests wait: who keeps a connection for nothing gives way */
  crowdedStallTimeout: number
  crowdedBodyRate: number
  maxConnections: number
  /** requests that wait for a connection; one more is refused as overloaded */
  maxQueue: number
  maxHeaderBytes: number
  /** idle upstream connections are closed after this; keep it below the upstream's own */
  keepAliveTimeout: number
  /** how long requests wait for an upstream that refuses connections */
  restartWait: number
  /** between two attempts to reach an upstream that refuses connections, and before a retry */
  reconnectInterval: number
  breakerThreshold: number
  breakerCooldown: number
  /** retries allowed as a share of requests */
  retryBudgetRatio: number
  /** how much, and how long, of a body nobody wants any more is read and dropped so that the client sees its answer */
  lingerBytes: number
  lingerTime: number
}

export interface ProxyOptions {
  name: string
  address: Address
  limits: ProxyLimits
  onStateChange?(state: BreakerState): void
}

export type FailureKind =
  | 'refused'
  | 'breaker-open'
  | 'overloaded'
  | 'reset'
  | 'bad-response'
  | 'headers-timeout'
  | 'connect-timeout'
  | 'request-body-timeout'

/** refused, breaker-open, overloaded: 503; reset, bad-response: 502; the upstream's timeouts: 504; the client's: 408. */
export type Failure = { kind: FailureKind; retryAfter?: number /* seconds */ }

export interface Outcome {
  /** what the client was answered; 499 when it left before an answer began */
  status: number
  /** body bytes of the upstream's answer handed to the client */
  bytes: number
  /** request sent -> response head */
  upstreamMs?: number
  /** the client left, or the answer was cut, before its end */
  aborted: boolean
}

/** One proxied request. */
export interface Exchange {
  request: IncomingMessage
  response: ServerResponse
  /** path and query to send upstream; only visible latin1 characters */
  path: string
  /** flat name, value list ready to send, without framing and hop-by-hop fields */
  requestHeaders: readonly string[]
  /**
   * The gateway's own fields of the answer. A flat name, value list with lower-case names is the cheap form; an object is
   * flattened first. They win over the upstream's of the same name, except `vary` (merged) and `set-cookie` (both are sent).
   */
  responseHeaders: Record<string, string | string[]> | readonly string[]
  /** names of own fields that give way where the upstream has fields of that name */
  yielding?: ReadonlySet<string> | undefined
  /** called at most once, and only when nothing of the answer has been written */
  fail(failure: Failure): void
  /** called exactly once, when the client's answer is complete or cannot be completed */
  done?(outcome: Outcome): void
}

export interface ProxyState {
  breaker: BreakerState
  consecutiveFailures: number
  connections: number
  idle: number
  queued: number
  retries: number
}

export interface Proxy {
  handle(exchange: Exchange): void
  state(): ProxyState
  /**
   * Refuses new requests; resolves when those in flight are over and the connections are closed. An event stream is over
   * only when its client leaves: whoever drains closes the server's client connections in the end.
   */
  close(): Promise<void>
}

export const DEFAULT_LIMITS: ProxyLimits = {
  connectTimeout: 2_000,
  headersTimeout: 30_000,
  bodyIdleTimeout: 30_000,
  minBodyRate: 1_024,
  bodyRateGrace: 10_000,
  clientStallTimeout: 120_000,
  crowdedStallTimeout: 5_000,
  crowdedBodyRate: 16_384,
  maxConnections: 256,
  maxQueue: 1_024,
  maxHeaderBytes: 65_536,
  keepAliveTimeout: 4_000,
  restartWait: 2_000,
  reconnectInterval: 50,
  breakerThreshold: 5,
  breakerCooldown: 5_000,
  retryBudgetRatio: 0.1,
  lingerBytes: 64 * 1024 * 1024,
  lingerTime: 10_000,
}
