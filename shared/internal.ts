import { Agent, request, type IncomingMessage } from 'node:http'
import { addressesOf } from './addresses.ts'
import { ASSERTION_HEADER, ASSERTION_TTL_S, signAssertion } from './assertion.ts'
import type { CommonConfig } from './config.ts'
import { SERVICE_ROLE } from './permissions.ts'
import type { ProcessName, ServiceName } from './ports.ts'
import { newRequestId } from './request-id.ts'

export interface InternalRequest {
  method?: 'GET' | 'POST' | 'DELETE'
  /** Sent as JSON. */
  body?: unknown
  /** For the whole exchange, in milliseconds. */
  timeoutMs?: number
  signal?: AbortSignal
  /** Of the request on whose behalf this is. */
  requestId?: string
}

export interface InternalAnswer<T> {
  status: number
  body: T
}

export type InternalClient = ReturnType<typeof createInternalClient>

const TIMEOUT_MS = 5000
const ANSWER_MAX_BYTES = 16 * 1024 * 1024
const MS_PER_S = 1000

/**
 * Requests of one process to another, with its own proof: an assertion that only knowers of INTERNAL_SECRET can make.
 * @param from the process that asks
 */
export function createInternalClient(from: ProcessName, config: CommonConfig) {
  const { INTERNAL_SECRET: secret } = config
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })

  /** The answer as a stream, whatever its status; the caller must read it to its end or destroy it. */
  function open(to: ServiceName, path: string, options: InternalRequest = {}): Promise<IncomingMessage> {
    if (secret === undefined) return Promise.reject(new Error('There is no INTERNAL_SECRET'))
    const { method = 'GET', body, timeoutMs = TIMEOUT_MS, requestId = newRequestId() } = options
    const signals = [AbortSignal.timeout(timeoutMs), ...(options.signal === undefined ? [] : [options.signal])]
    const text = body === undefined ? undefined : JSON.stringify(body)
    const assertion = signAssertion(secret, {
      aud: to,
      exp: Math.floor(Date.now() / MS_PER_S) + ASSERTION_TTL_S,
      tenant: 'default',
      roles: [SERVICE_ROLE],
      cred: `process:${from}`,
      rid: requestId,
      ip: '',
    })
    return new Promise((resolve, reject) => {
      const asked = request(
        {
          ...addressesOf(to, config).main,
          agent,
          method,
          path,
          signal: AbortSignal.any(signals),
          headers: {
            host: 'localhost',
            [ASSERTION_HEADER]: assertion,
            'x-request-id': requestId,
            ...(text === undefined
              ? {}
              : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }),
          },
        },
        resolve,
      )
      asked.on('error', reject)
      asked.end(text)
    })
  }

  return {
    /** Whether there is a secret to prove oneself with; a service that runs alone has none. */
    available: secret !== undefined,
    open,
    /**
     * The status and the JSON of the answer (undefined for an empty one).
     * @throws Error when the other process is away, slow, or says more than 16 MiB
     */
    async ask<T>(to: ServiceName, path: string, options: InternalRequest = {}): Promise<InternalAnswer<T>> {
      const response = await open(to, path, options)
      const chunks: Buffer[] = []
      let size = 0
      for await (const chunk of response as AsyncIterable<Buffer>) {
        size += chunk.length
        if (size > ANSWER_MAX_BYTES) throw new Error('the answer is too large')
        chunks.push(chunk)
      }
      const text = Buffer.concat(chunks).toString()
      return { status: response.statusCode ?? 0, body: (text === '' ? undefined : JSON.parse(text)) as T }
    },
    close: () => agent.destroy(),
  }
}
