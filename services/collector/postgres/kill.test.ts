import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Verdict } from '../ingest/batch/verdict.ts'
import { freshDatabase, needsPostgres, poolOf } from '../test/postgres.ts'
import { sql } from './sql.ts'

const options = await needsPostgres()
const MAIN = path.join(import.meta.dirname, '..', 'main.ts')
const [REPLICAS, KILLS, SENDERS, BATCH, BETWEEN_KILLS_MS] = [2, 3, 4, 100, 300]

/** A collector of its own process on a free port. */
async function start(t: Test, env: Record<string, string>): Promise<{ child: ChildProcess; base: string }> {
  const child = spawn(process.execPath, [MAIN], {
    env: { ...process.env, NODE_ENV: 'test', LOG_LEVEL: 'fatal', COLLECTOR_PORT: '0', INGEST_CHUNK: '20', ...env },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [message] = (await once(child, 'message')) as [{ port: number }]
  return { child, base: `http://127.0.0.1:${message.port}` }
}

t.test(
  'kill -9 of replicas under batches loses nothing that was acknowledged, and nothing is stored twice for a key',
  options,
  async (t) => {
    const url = await freshDatabase(t)
    const env = {
      COLLECTOR_DATABASE_URL: url,
      DATA_DIR: t.testdir({}),
      API_KEYS: 'default:collector-key',
      INGEST_DEDUPE_HOURS: '0',
    }
    const running = await Promise.all(Array.from({ length: REPLICAS }, () => start(t, env)))
    const acknowledged = new Map<string, Set<string>>()
    let [next, again, stopped] = [0, 0, false]

    const send = (to: string, key: string, from: number) =>
      fetch(`${to}/ingest/qc/batch`, {
        method: 'POST',
        headers: {
          'x-tenant': 'default',
          'x-api-key': 'collector-key',
          'content-type': 'application/x-ndjson',
          'idempotency-key': key,
        },
        body: Array.from({ length: BATCH }, (_, n) => JSON.stringify({ status: {}, raw: from + n })).join('\n'),
      })
        .then(async (answer) =>
          answer.status === 200 ? ((await answer.json()) as { items: Verdict[] }).items : undefined,
        )
        .catch(() => undefined)

    const sender = async () => {
      while (!stopped) {
        const from = (next += BATCH) - BATCH
        const key = `batch ${from}`
        let items: Verdict[] | undefined
        for (let tries = 0; items === undefined; tries++) {
          items = await send((running[(from / BATCH + tries) % REPLICAS] as { base: string }).base, key, from)
          if (items !== undefined) break
          again++
          await pause(10)
        }
        for (const { index, id } of items) {
          const ids = acknowledged.get(`${key}#${index}`) ?? new Set()
          acknowledged.set(`${key}#${index}`, ids.add(id as string))
        }
      }
    }
    const senders = Array.from({ length: SENDERS }, sender)
    for (let kill = 0; kill < KILLS; kill++) {
      await pause(BETWEEN_KILLS_MS + Math.random() * BETWEEN_KILLS_MS)
      const which = kill % REPLICAS
      const { child } = running[which] as { child: ChildProcess }
      const died = once(child, 'exit')
      child.kill('SIGKILL')
      await died
      running[which] = await start(t, env)
    }
    stopped = true
    await Promise.all(senders)
    await Promise.all(
      running.map(async ({ child }) => {
        child.kill('SIGTERM')
        await once(child, 'exit')
      }),
    )

    const pool = poolOf(url)
    t.teardown(() => pool.end())
    const rows = await pool.everyTenant.all<{ id: string; report: string }>(sql`SELECT id, report FROM reports`)
    const present = new Set(rows.map(({ id }) => id))
    t.comment(`${acknowledged.size} acknowledged, ${again} batches sent again`)
    t.ok(acknowledged.size > 0 && again > 0)
    const ids = [...acknowledged.values()]
    t.ok(
      ids.every((own) => own.size === 1),
      'a key has one id',
    )
    t.ok(
      ids.flatMap((own) => [...own]).every((id) => present.has(id)),
      'every acknowledged report is there',
    )
    t.equal(rows.length, next, 'and every report once')
    t.equal(new Set(rows.map(({ report }) => report)).size, next)
    t.same(
      await pool.everyTenant.first(sql`SELECT sum(reports) AS n FROM report_hours`),
      { n: next },
      'and is counted once',
    )
  },
)
