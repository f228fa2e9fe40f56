import { Agent as HttpAgent, request as requestHttp, type ClientRequest, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { parseAllowed } from './allowed.ts'
import type { OutboundConfig } from './settings.ts'
import { checkUrl, lookupAll, resolveTarget, type Lookup, type Target } from './target.ts'

export interface OutboundRequest {
  method: 'GET' | 'POST' | 'PUT'
  url: string
  headers?: Record<string, string>
  body?: string | Buffer
  /** Ends it before its time. */
  signal?: AbortSignal
}

export interface OutboundAnswer {
  status: number
  /** Names in small letters. */
  headers: Record<string, string | string[] | undefined>
  body: Buffer
}

/** A request that got no answer this time; `code` is of the system (ECONNREFUSED) or one of ours. Its message names no URL. */
export class OutboundFailed extends Error {
  readonly code: string

  constructor(code: string, message: string) {
    super(message)
    this.name = 'OutboundFailed'
    this.code = code
  }
}

export interface OutboundDeps {
  /** Another one than the system's. */
  lookup?: Lookup
  /** Certificates of authorities that are believed instead of the usual ones (PEM). */
  ca?: string | readonly string[]
}

export type OutboundClient = ReturnType<typeof createOutboundClient>

/** Answers the checked addresses, whatever the name has by now: between check and connection nothing can be put in. */
const pinned =
  ({ addresses }: Target): LookupFunction =>
  (_host, options, callback) => {
    const [first] = addresses
    if (options.all === true) callback(null, [...addresses])
    else callback(null, first?.address ?? '', first?.family)
  }

function readAnswer(message: IncomingMessage, maxBytes: number): Promise<OutboundAnswer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    message.on('data', (chunk: Buffer) => {
      size += chunk.length
      chunks.push(chunk)
      if (size <= maxBytes) return
      reject(new OutboundFailed('ANSWER_TOO_LARGE', `the answer is longer than ${maxBytes} bytes`))
      message.destroy()
    })
    message.once('error', reject)
    message.once('aborted', () => reject(new OutboundFailed('ECONNRESET', 'the answer broke off')))
    message.once('end', () => {
      resolve({ status: message.statusCode ?? 0, headers: message.headers, body: Buffer.concat(chunks) })
    })
  })
}

const failureOf = (error: unknown): Error => {
  if (error instanceof OutboundFailed || (error as Error).name === 'OutboundRefused') return error as Error
  const { code = 'unknown' } = error as { code?: string }
  return new OutboundFailed(code, `the request failed (${code})`)
}

/**
 * Sends requests to addresses that somebody typed in, and to nowhere that only this machine can reach: the name is looked up
 * once, all its addresses are checked, and the connection goes to one of these. No redirect is followed, no proxy of the
 * environment is used, no connection is kept, and everything has its limit.
 */
export function createOutboundClient(config: OutboundConfig, { lookup = lookupAll, ca }: OutboundDeps = {}) {
  const allowed = parseAllowed(config.OUTBOUND_ALLOW ?? '')

  function begin({ method, headers = {}, body }: OutboundRequest, target: Target): ClientRequest {
    const { url, host, port } = target
    const isTls = url.protocol === 'https:'
    const options = {
      method,
      host,
      port,
      path: `${url.pathname}${url.search}`,
      headers: {
        'user-agent': 'najimban',
        ...headers,
        host: url.host,
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
      ...(isIP(host) === 0 ? { servername: host } : {}),
      lookup: pinned(target),
      // Agents of their own: the global ones may have been given a proxy by the environment.
      agent: isTls
        ? new HttpsAgent({ maxCachedSessions: 0, ...(ca === undefined ? {} : { ca: [ca].flat() }) })
        : new HttpAgent(),
    }
    return (isTls ? requestHttps : requestHttp)(options)
  }

  async function exchange(given: OutboundRequest, signal: AbortSignal): Promise<OutboundAnswer> {
    const target = await resolveTarget(given.url, allowed, lookup)
    signal.throwIfAborted()
    const request = begin(given, target)
    const cut = () => request.destroy()
    signal.addEventListener('abort', cut, { once: true })
    try {
      const message = await new Promise<IncomingMessage>((resolve, reject) => {
        request.once('response', resolve)
        request.on('error', reject)
        request.end(given.body)
      })
      return await readAnswer(message, config.OUTBOUND_ANSWER_MAX_BYTES)
    } finally {
      signal.removeEventListener('abort', cut)
      request.destroy()
    }
  }

  return {
    /** @throws OutboundRefused for an address that is refused without looking it up */
    check: (url: string): void => void checkUrl(url, allowed),
    /**
     * Sends a request; the answer may have any status.
     * @throws OutboundRefused for what is never sent, OutboundFailed for what got no answer in OUTBOUND_TIMEOUT_MS
     */
    async send(request: OutboundRequest): Promise<OutboundAnswer> {
      const ended = new AbortController()
      const timer = setTimeout(() => ended.abort(), config.OUTBOUND_TIMEOUT_MS)
      const stop = () => ended.abort()
      request.signal?.addEventListener('abort', stop, { once: true })
      if (request.signal?.aborted === true) stop()
      // A look-up cannot be ended, only left.
      const over = new Promise<never>((_resolve, reject) => {
        const leave = () => reject(new OutboundFailed('TIMEOUT', `no answer in ${config.OUTBOUND_TIMEOUT_MS} ms`))
        ended.signal.addEventListener('abort', leave, { once: true })
        if (ended.signal.aborted) leave()
      })
      const exchanged = exchange(request, ended.signal)
      exchanged.catch(() => {})
      try {
        return await Promise.race([over, exchanged])
      } catch (error) {
        throw failureOf(error)
      } finally {
        clearTimeout(timer)
        ended.abort()
        over.catch(() => {})
        request.signal?.removeEventListener('abort', stop)
      }
    },
  }
}
