import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import t from 'tap'
import { until } from '#shared/test/until.ts'
import { unlimited } from './test/monitor-key.ts'
import { startSystem, type System } from './test/system.ts'

t.setTimeout(120_000)

const WRITERS = 8
const KILLS = 2
const BETWEEN_KILLS_MS = 400
const USER = 'writer'

interface Write {
  key: string
  body: string
  id: string
}

/** How one service is written to and read. */
interface Target {
  service: 'calendar' | 'diary' | 'collector'
  table: string
  path: string
  body(n: number): unknown
  idOf(answer: unknown): string
  read(system: System, id: string, headers: Record<string, string>): Promise<unknown>
}

const dayOf = (n: number) => new Date(Date.UTC(2000, 0, 1 + n)).toISOString().slice(0, 10)
const json = async (url: string, headers: Record<string, string>) => {
  const answer = await fetch(url, { headers })
  if (answer.status !== 200) throw new Error(`${url}: ${answer.status}`)
  return (await answer.json()) as unknown
}

const TARGETS: Target[] = [
  {
    service: 'calendar',
    table: 'events',
    path: '/api/events',
    body: (n) => ({ title: `사건 ${n}`, start_time: '2026-11-21T09:00', end_time: '2026-11-21T10:00' }),
    idOf: (answer) => (answer as { data: { id: string } }).data.id,
    read: (system, id, headers) => json(`${system.gateway}/api/events/${id}`, headers),
  },
  {
    service: 'diary',
    table: 'entries',
    path: '/api/diaries',
    body: (n) => ({ date: dayOf(n), content: `일기 ${n}` }),
    idOf: (answer) => (answer as { id: string }).id,
    read: (system, id, headers) => json(`${system.gateway}/api/diaries/${id}`, headers),
  },
  {
    service: 'collector',
    table: 'reports',
    path: '/ingest/qc',
    body: (n) => ({ status: { api: 'pass' }, notes: [`보고 ${n}`] }),
    idOf: (answer) => (answer as { id: string }).id,
    read: (system, id, headers) => json(`${system.gateway}/reports/${id}`, headers),
  },
]

t.test('kill -9 of a service under writes loses nothing that was acknowledged and doubles nothing', async (t) => {
  const system = await startSystem(t, { PROXY_RESTART_WAIT_MS: '30000', BREAKER_THRESHOLD: '1000' })
  const headers = {
    ...unlimited(system.dataDir),
    'content-type': 'application/json',
    'x-user-id': USER,
    'x-tenant': 'default',
    'x-api-key': 'collector-key',
  }
  for (const target of TARGETS) {
    const acknowledged: Write[] = []
    let unanswered = 0
    let running = true
    let next = 0
    /** Sends the same request under the same key until it is acknowledged, as real senders do. */
    const writer = async () => {
      while (running) {
        const key = randomUUID()
        const body = JSON.stringify(target.body(next++))
        for (;;) {
          const answer = await fetch(system.gateway + target.path, {
            method: 'POST',
            headers: { ...headers, 'idempotency-key': key },
            body,
          }).catch(() => undefined)
          if (answer?.status === 201) {
            acknowledged.push({ key, body, id: target.idOf(await answer.json()) })
            break
          }
          if (answer !== undefined && answer.status < 500) throw new Error(`${answer.status} ${await answer.text()}`)
          unanswered++
          await pause(10)
        }
      }
    }
    const writers = Array.from({ length: WRITERS }, writer)
    for (let kills = 0; kills < KILLS; kills++) {
      const size = acknowledged.length
      await until('writes', () => acknowledged.length > size + 20)
      await pause(Math.random() * BETWEEN_KILLS_MS)
      const pid = await until('the process', () => system.pidOf(target.service))
      process.kill(pid, 'SIGKILL')
      await until('the next process', async () => (await system.pidOf(target.service)) !== pid)
    }
    running = false
    await Promise.all(writers)
    t.comment(`${target.service}: ${acknowledged.length} acknowledged, ${unanswered} sent again`)
    const ids = acknowledged.map(({ id }) => id)
    t.equal(new Set(ids).size, ids.length, `${target.service}: every key made one`)
    const missing: string[] = []
    for (const id of ids) await target.read(system, id, headers).catch(() => missing.push(id))
    t.same(missing, [], `${target.service}: every acknowledged write is there`)
    const file = new Sqlite(path.join(system.dataDir, `${target.service}.db`), { readonly: true })
    const stored = file.prepare(`SELECT count(*) FROM ${target.table}`).pluck().get()
    file.close()
    t.equal(stored, ids.length, `${target.service}: and nothing else`)
    const again = acknowledged[0] as Write
    const replay = await fetch(system.gateway + target.path, {
      method: 'POST',
      headers: { ...headers, 'idempotency-key': again.key },
      body: again.body,
    })
    t.equal(replay.status, 201)
    t.equal(target.idOf(await replay.json()), again.id, 'a key is still known after the kills')
  }
})
