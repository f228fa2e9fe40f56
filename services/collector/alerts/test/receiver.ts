import { until } from '#shared/test/until.ts'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

export interface Received<B = Record<string, unknown>> {
  path: string
  headers: IncomingHttpHeaders
  text: string
  body: B
}

/** A real server that notifications come to; `answer` says what it answers. */
export async function receiver(t: Test, options: { port?: number } = {}) {
  const received: Received[] = []
  const state: { answer: (response: ServerResponse, received: Received) => void } = {
    answer: (response) => response.end('ok'),
  }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const text = Buffer.concat(chunks).toString()
      const body = JSON.parse(text) as Record<string, unknown>
      const one = { path: request.url ?? '', headers: request.headers, text, body }
      received.push(one)
      state.answer(response, one)
    })
  })
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  let isOpen = true
  async function close(): Promise<void> {
    if (!isOpen) return
    isOpen = false
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  t.teardown(close)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    received,
    state,
    close,
    /** Waits for so many in all; @returns the last of them */
    count: (count: number) => until(`${count} requests`, () => received.length >= count && received[count - 1]),
  }
}
