import type { Address } from '#shared/addresses.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import http from 'node:http'
import type { IncomingHttpHeaders, RequestListener } from 'node:http'
import net from 'node:net'
import type { AddressInfo, Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'
import { filterRequestHeaders } from '../headers.ts'
import { createProxy, DEFAULT_LIMITS } from '../proxy.ts'
import type { Exchange, Failure, FailureKind, Outcome, Proxy, ProxyLimits } from '../proxy.ts'

const STATUS: Record<FailureKind, number> = {
  refused: 503,
  'breaker-open': 503,
  overloaded: 503,
  reset: 502,
  'bad-response': 502,
  'headers-timeout': 504,
  'connect-timeout': 504,
  'request-body-timeout': 408,
}

export interface Rig {
  port: number
  proxy: Proxy
  failures: Failure[]
  outcomes: Outcome[]
  states: string[]
  /** requests handed to the proxy so far */
  handled(): number
}

export interface RigOptions {
  limits?: Partial<ProxyLimits>
  own?: Exchange['responseHeaders']
  allowed?: string[]
}

/** A node:http server in front of the proxy, as small as a gateway can be. */
export async function rig(t: Test, address: Address, options: RigOptions = {}): Promise<Rig> {
  const failures: Failure[] = []
  const outcomes: Outcome[] = []
  const states: string[] = []
  const proxy = createProxy({
    name: 'origin',
    address,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
    onStateChange: (state) => states.push(state),
  })
  const allowed = new Set(options.allowed ?? ['host', 'accept', 'content-type', 'x-kept'])
  let handled = 0
  const handler: RequestListener = (request, response) => {
    handled++
    proxy.handle({
      request,
      response,
      path: request.url as string,
      requestHeaders: filterRequestHeaders(request.rawHeaders, allowed),
      responseHeaders: options.own ?? [],
      fail(failure) {
        failures.push(failure)
        const text = JSON.stringify(failure)
        response.writeHead(STATUS[failure.kind], { 'content-length': text.length })
        response.end(text)
      },
      done: (outcome) => outcomes.push(outcome),
    })
  }
  const server = http.createServer(handler).on('checkContinue', handler)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(async () => {
    server.close()
    server.closeAllConnections()
    await proxy.close()
  })
  return { port: (server.address() as AddressInfo).port, proxy, failures, outcomes, states, handled: () => handled }
}

export type Transport = 'tcp' | 'unix'

export interface Origin {
  address: Address
  /** every connection it has accepted */
  sockets: Socket[]
  stop(): Promise<void>
}

/** Where nothing listens until somebody does. */
export async function unusedAddress(t: Test, transport: Transport): Promise<Address> {
  if (transport === 'unix') {
    const folder = mkdtempSync(path.join(tmpdir(), 'proxy-'))
    t.teardown(() => rmSync(folder, { recursive: true, force: true }))
    return { socketPath: path.join(folder, 'o.sock') }
  }
  const server = net.createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return { host: '127.0.0.1', port }
}

async function serve(t: Test, server: net.Server, where: Address | Transport): Promise<Origin> {
  const sockets: Socket[] = []
  server.on('connection', (socket: Socket) => {
    sockets.push(socket)
    socket.on('error', () => undefined)
  })
  const address = where === 'tcp' || where === 'unix' ? await unusedAddress(t, where) : where
  server.listen('socketPath' in address ? { path: address.socketPath } : address)
  await once(server, 'listening')
  const stop = async (): Promise<void> => {
    if (!server.listening) return
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  }
  t.teardown(stop)
  return { address, sockets, stop }
}

export function httpOrigin(t: Test, listener: RequestListener, where: Address | Transport = 'unix'): Promise<Origin> {
  return serve(t, http.createServer({ keepAliveTimeout: 60_000 }, listener), where)
}

export function netOrigin(
  t: Test,
  listener: (socket: Socket) => void,
  where: Address | Transport = 'unix',
): Promise<Origin> {
  return serve(t, net.createServer(listener), where)
}

/** Answers every request head it sees with these bytes. */
export function scripted(t: Test, answer: string | Buffer, options: { end?: boolean } = {}): Promise<Origin> {
  return netOrigin(t, (socket) => {
    socket.on('data', () => {
      socket.write(answer, 'latin1')
      if (options.end === true) socket.end()
    })
  })
}

export interface Reply {
  status: number
  headers: IncomingHttpHeaders
  trailers: NodeJS.Dict<string>
  body: Buffer
  text: string
}

export interface Call {
  method?: string
  headers?: http.OutgoingHttpHeaders
  body?: string | Buffer
  agent?: http.Agent
}

/** Rejects when the answer is cut. */
export function call(port: number, target = '/', options: Call = {}): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        host: '127.0.0.1',
        port,
        path: target,
        method: options.method ?? 'GET',
        headers: options.headers,
        agent: options.agent,
      },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('error', reject)
        response.on('end', () => {
          const body = Buffer.concat(chunks)
          const { headers, trailers } = response
          resolve({ status: response.statusCode as number, headers, trailers, body, text: body.toString() })
        })
      },
    )
    request.on('error', reject)
    request.end(options.body)
  })
}

export interface RawClient {
  socket: Socket
  /** all that has arrived, latin1 */
  seen(): string
  until(text: string | RegExp): Promise<string>
  closed(): Promise<string>
}

export function rawClient(t: Test, port: number, first?: string | Buffer): RawClient {
  const socket = net.connect({ host: '127.0.0.1', port, noDelay: true })
  let seen = ''
  let isClosed = false
  socket.on('error', () => undefined)
  socket.on('close', () => (isClosed = true))
  socket.on('data', (chunk: Buffer) => (seen += chunk.toString('latin1')))
  t.teardown(() => socket.destroy())
  if (first !== undefined) socket.write(first)
  return {
    socket,
    seen: () => seen,
    async until(text) {
      await eventually(() => (typeof text === 'string' ? seen.includes(text) : text.test(seen)) || isClosed)
      return seen
    },
    async closed() {
      await eventually(() => isClosed)
      return seen
    },
  }
}

/** Waits for a condition; fails after a time that no healthy run needs. */
export async function eventually(condition: () => boolean, limit = 20_000): Promise<void> {
  const end = Date.now() + limit
  while (!condition()) {
    if (Date.now() > end) throw new Error(`did not happen within ${limit} ms: ${condition.toString()}`)
    await sleep(5)
  }
}

export const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
