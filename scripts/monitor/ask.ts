import http from 'node:http'
import https from 'node:https'
import { ANSWER_MAX_BYTES, PROBE_TIMEOUT_MS } from './limits.ts'
import type { Problem } from './run.ts'

export interface Answer {
  status: number
  body: string
  ms: number
}

export type Asked = { answer: Answer; problem?: undefined } | { answer?: undefined; problem: Problem }

export interface AskOptions {
  method?: string
  headers?: http.OutgoingHttpHeaders
  body?: string
  timeoutMs?: number
  agent?: http.Agent
}

const RESET = new Set(['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE', 'HPE_INVALID_CONSTANT', 'ECONNABORTED'])

function problemOf(error: unknown, timeoutMs: number): Problem {
  const { name, code = 'unknown' } = error as { name?: string; code?: string }
  // One limit covers connecting, headers and body: a listener that accepts and says nothing is a failure too.
  if (name === 'TimeoutError' || name === 'AbortError') return { code: 'timeout', values: { ms: timeoutMs } }
  if (code === 'ECONNREFUSED') return { code: 'refused', values: {} }
  if (code === 'TOO_LARGE') return { code: 'too-large', values: { bytes: ANSWER_MAX_BYTES } }
  return RESET.has(code) ? { code: 'reset', values: {} } : { code: 'unreachable', values: { reason: code } }
}

/** One bounded request; never throws. A redirect is an answer like any other and is not followed. */
export function ask(url: string, options: AskOptions = {}): Promise<Asked> {
  const { timeoutMs = PROBE_TIMEOUT_MS, body, agent, method = 'GET', headers = {} } = options
  const started = performance.now()
  const exchange = new Promise<Answer>((resolve, reject) => {
    const { request } = url.startsWith('https:') ? https : http
    const signal = AbortSignal.timeout(timeoutMs)
    const sent = request(url, { method, headers, agent: agent ?? false, signal }, (response) => {
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        if ((size += chunk.length) > ANSWER_MAX_BYTES) sent.destroy(Object.assign(new Error(), { code: 'TOO_LARGE' }))
      })
      response.on('error', reject)
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(chunks).toString('utf8'),
          ms: performance.now() - started,
        }),
      )
    })
    sent.on('error', reject)
    sent.end(body)
  })
  return exchange.then(
    (answer) => ({ answer }),
    (error: unknown) => ({ problem: problemOf(error, timeoutMs) }),
  )
}
