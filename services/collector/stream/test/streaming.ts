import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Test } from 'tap'
import type { ReportItem } from '../../reports/list.ts'
import { collector, DEFAULT_KEY } from '../../test/collector.ts'

interface Event {
  id: string
  item: ReportItem
}

const WAIT_MS = 10_000

export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = Date.now() + WAIT_MS; Date.now() < end; await pause(5)) if (await isSo()) return
  throw new Error(`${what} did not happen`)
}

/** A reader with a socket of its own. */
export async function listen(port: number, query = '', headers: Record<string, string> = {}) {
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ port, path: `/reports/stream${query}`, headers: { ...DEFAULT_KEY, ...headers }, agent: false }, resolve).on(
      'error',
      reject,
    )
  })
  const events: Event[] = []
  let [text, lastId, ended, comments] = ['', '', false, 0]
  answer.setEncoding('utf8')
  answer.on('data', (chunk: string) => {
    text += chunk
    for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
      const lines = text.slice(0, end).split('\n')
      text = text.slice(end + 2)
      const field = (name: string) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2)
      lastId = field('id') ?? lastId
      if (lines.some((line) => line.startsWith(':'))) comments++
      const data = field('data')
      if (data !== undefined) events.push({ id: lastId, item: JSON.parse(data) as ReportItem })
    }
  })
  answer.on('close', () => (ended = true))
  answer.on('error', () => {})
  if (answer.statusCode === 200) await until('its begin', () => lastId !== '' || ended)
  return {
    answer,
    events,
    ids: () => events.map(({ item }) => item.id),
    lastId: () => lastId,
    ended: () => ended,
    comments: () => comments,
    raw: () => text,
    leave: () => answer.destroy(),
  }
}

export async function streaming(t: Test, env: Record<string, string> = {}, path?: string) {
  const parts = await collector(t, env)
  await parts.app.listen(path === undefined ? { port: 0, host: '127.0.0.1' } : { path })
  const { port } = (path === undefined ? parts.app.server.address() : { port: 0 }) as AddressInfo
  const open = async () =>
    Number(/collector_streams_open (\d+)/.exec((await parts.app.inject('/metrics')).body)?.[1] ?? NaN)
  const reader = async (query = '', headers: Record<string, string> = {}) => {
    const listening = await listen(port, query, headers)
    t.teardown(listening.leave)
    return listening
  }
  return { ...parts, port, open, reader }
}
