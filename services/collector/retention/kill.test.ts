import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openKeyring } from '#shared/keyring.ts'
import { asTenant } from '#shared/scope.ts'
import { until } from '#shared/test/until.ts'
import { freshDatabase, ON_POSTGRES } from '../test/postgres.ts'
import { archiveRoot, UNFINISHED } from './archive/files.ts'
import { createLineSigner } from './archive/signature.ts'
import { archived, DAY_MS } from './test/retaining.ts'

const MAIN = path.join(import.meta.dirname, '..', 'main.ts')
const REPORTS = 800
const KILLS = 4
const HEADERS = { 'x-tenant': 'default', 'x-api-key': 'collector-key' }

/** A collector of its own process on a free port. */
async function start(
  t: Test,
  dataDir: string,
  url: string | undefined,
): Promise<{ child: ChildProcess; base: string }> {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      ...process.env,
      NODE_ENV: 'test',
      LOG_LEVEL: 'fatal',
      DATA_DIR: dataDir,
      COLLECTOR_PORT: '0',
      API_KEYS: 'default:collector-key',
      RETENTION_SCHEDULE: 'off',
      RETENTION_LEASE_S: '1',
      ...(url === undefined ? {} : { COLLECTOR_DATABASE_URL: url }),
      RETENTION_GRACE_DAYS: '0',
      RETENTION_CHUNK: '10',
      RETENTION_ARCHIVE_MAX_BYTES: '40000',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [message] = (await once(child, 'message')) as [{ port: number }]
  return { child, base: `http://127.0.0.1:${message.port}` }
}

const NOW = Date.now()

function oldLine(n: number): string {
  const createdAt = NOW - (40 + (n % 3)) * DAY_MS
  return JSON.stringify({
    id: `report-${createdAt}-${String(n).padStart(9, '0')}`,
    createdAt,
    updatedAt: createdAt,
    state: 'stored',
    report: { status: { api: 'pass' }, raw: `report ${n} ${'x'.repeat(200)}` },
  })
}

t.test('kill -9 during runs loses no report, and leaves nothing unfinished after the next start', async (t) => {
  const dataDir = t.testdir({})
  const url = ON_POSTGRES ? await freshDatabase(t) : undefined
  let running = await start(t, dataDir, url)
  const post = (url: string, body?: string, type = 'application/x-ndjson') =>
    fetch(running.base + url, {
      method: 'POST',
      headers: { ...HEADERS, ...(body === undefined ? {} : { 'content-type': type }) },
      ...(body === undefined ? {} : { body }),
    })
  const signer = createLineSigner(openKeyring({ DATA_DIR: dataDir, NODE_ENV: 'test' }))
  const lines = Array.from({ length: REPORTS }, (_, n) => signer.signed(asTenant('default'), oldLine(n)))
  const restored = await post('/admin/retention/restore', lines.join('\n'))
  t.match(await restored.json(), { restored: REPORTS })

  for (let kill = 0; kill < KILLS; kill++) {
    const run = post('/admin/retention/run').catch(() => undefined)
    await pause(30 + Math.random() * 250)
    const died = once(running.child, 'exit')
    running.child.kill('SIGKILL')
    await Promise.all([died, run])
    running = await start(t, dataDir, url)
  }
  const names = readdirSync(archiveRoot(dataDir), { recursive: true, encoding: 'utf8' })
  const unfinished = names.filter((name) => name.endsWith(UNFINISHED))
  // Of a folder that replicas may share nobody knows so soon whether they are of one that is at work.
  if (!ON_POSTGRES) t.same(unfinished, [])
  const history = await fetch(`${running.base}/admin/retention/runs`, { headers: HEADERS })
  const { runs } = (await history.json()) as { runs: { state: string }[] }
  const ends = ON_POSTGRES ? ['interrupted', 'done', 'running'] : ['interrupted', 'done']
  t.same(
    runs.filter(({ state }) => !ends.includes(state)),
    [],
    'no dead run is said to go on',
  )
  // On PostgreSQL a run of another process is taken for dead only after a while.
  const last = await until('the last run', async () => {
    const answer = await post('/admin/retention/run')
    return answer.status === 409 ? undefined : answer
  })
  t.match([last.status, await last.json()], [200, { state: 'done' }])
  const left = await fetch(`${running.base}/reports`, { headers: HEADERS })
  t.match(await left.json(), { reports: [], pagination: { totalCount: 0 } })
  running.child.kill('SIGTERM')
  await once(running.child, 'exit')

  const kept = await archived(dataDir)
  t.equal(kept.size, REPORTS, 'every report is in a verified archive')
  const texts = new Set([...kept.values()].map(({ report }) => report.raw))
  t.equal(texts.size, REPORTS)
})
