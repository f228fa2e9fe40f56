import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import t, { type Test } from 'tap'
import type { Verdict } from './verdict.ts'

const MAIN = path.join(import.meta.dirname, '..', '..', 'main.ts')
const KILLS = 3
const SENDERS = 4
const BATCH = 300
const BETWEEN_KILLS_MS = 400

/** A collector of its own process on a free port. */
async function start(t: Test, dataDir: string): Promise<{ child: ChildProcess; base: string }> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      NODE_ENV: 'test',
      LOG_LEVEL: 'fatal',
      DATA_DIR: dataDir,
      COLLECTOR_PORT: '0',
      INGEST_CHUNK: '20',
      API_KEYS: 'default:collector-key',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [message] = (await once(child, 'message')) as [{ port: number }]
  return { child, base: `http://127.0.0.1:${message.port}` }
}

t.test(
  'kill -9 under batches loses nothing that was acknowledged, and a batch sent again stores nothing twice',
  async (t) => {
    const dataDir = t.testdir({})
    let running = await start(t, dataDir)
    const acknowledged: Verdict[] = []
    let [next, again, stopped] = [0, 0, false]

    const sender = async () => {
      while (!stopped) {
        const from = (next += BATCH) - BATCH
        const lines = Array.from({ length: BATCH }, (_, n) => JSON.stringify({ status: {}, raw: from + n })).join('\n')
        for (;;) {
          const answer = await fetch(`${running.base}/ingest/qc/batch`, {
            method: 'POST',
            headers: { 'x-tenant': 'default', 'x-api-key': 'collector-key', 'content-type': 'application/x-ndjson' },
            body: lines,
          })
            .then(async (one) => (one.status === 200 ? ((await one.json()) as { items: Verdict[] }) : undefined))
            .catch(() => undefined)
          if (answer !== undefined) {
            acknowledged.push(...answer.items)
            break
          }
          again++
          await pause(10)
        }
      }
    }
    const senders = Array.from({ length: SENDERS }, sender)
    for (let kill = 0; kill < KILLS; kill++) {
      await pause(BETWEEN_KILLS_MS + Math.random() * BETWEEN_KILLS_MS)
      const died = once(running.child, 'exit')
      running.child.kill('SIGKILL')
      await died
      running = await start(t, dataDir)
    }
    stopped = true
    await Promise.all(senders)
    running.child.kill('SIGTERM')
    await once(running.child, 'exit')

    t.comment(`${acknowledged.length} acknowledged, ${again} batches sent again`)
    t.ok(acknowledged.length > 0 && again > 0)
    t.ok(acknowledged.every(({ status }) => status === 'stored' || status === 'duplicate'))
    const file = new Sqlite(path.join(dataDir, 'collector.db'), { readonly: true })
    t.teardown(() => file.close())
    const stored = new Set(file.prepare('SELECT id FROM reports').pluck().all() as string[])
    const missing = acknowledged.filter(({ id }) => !stored.has(id as string))
    t.same(missing, [], 'every acknowledged report is there')
    t.equal(stored.size, next, 'and every report once')
    t.equal(new Set(acknowledged.map(({ id }) => id)).size, next)
    t.equal(file.prepare('SELECT sum(reports) FROM report_hours').pluck().get(), next, 'and is counted once')
    t.equal(file.prepare('SELECT count(DISTINCT report) FROM reports').pluck().get(), next)
  },
)
