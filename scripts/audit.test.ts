import Sqlite from 'better-sqlite3'
import { spawnSync } from 'node:child_process'
import { copyFileSync, readdirSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { until } from '#shared/test/until.ts'
import { firstAdmin } from './test/accounts.ts'
import { startSystem } from './test/system.ts'

t.setTimeout(120_000)

/** Who answers, and who is told. */
const FEW = ['calendar', 'identity', 'gateway'] as const

const CLI = path.join(import.meta.dirname, 'audit.ts')

const audit = (dataDir: string, ...args: string[]) => run({ DATA_DIR: dataDir }, ...args)

function run(settings: NodeJS.ProcessEnv, ...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    env: { ...process.env, ...settings },
    encoding: 'utf8',
  })
  return { status, text: stdout + stderr }
}

interface Entry {
  event: string
  service: string
  result: string
  status: number
  actor: string
  request_id: string
  detail: object | null
}

t.test('every process records what it answers, SIGTERM loses nothing, and the log can be verified', async (t) => {
  const system = await startSystem(t, { ACCESS: 'required', AUDIT_SHIP_MS: '60000' })
  const { gateway, dataDir } = system
  const { access_token: token, account } = await firstAdmin(system)
  const send = (method: string, url: string, body?: object, headers: Record<string, string> = {}) =>
    fetch(gateway + url, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  const times = { start_time: '2026-11-14T09:30', end_time: '2026-11-14T10:30' }
  for (let n = 0; n < 30; n++) t.equal((await send('POST', '/api/events', { title: `${n}`, ...times })).status, 201)
  t.equal((await send('POST', '/api/diaries', { date: '2026-11-14', content: '비밀' })).status, 201)
  t.equal((await send('POST', '/ingest/qc', { status: { api: 'pass' } })).status, 201)
  t.equal((await send('PUT', '/schemas/mine', { type: 'object' })).status, 201)
  t.equal((await send('GET', '/api/events')).status, 200)
  t.equal((await send('GET', '/api/events', undefined, { authorization: 'Bearer x.y.z' })).status, 401)
  t.equal((await send('GET', '/api/events', undefined, { authorization: '' })).status, 401)
  t.equal((await fetch(`${system.diary}/api/diaries`)).status, 401, 'a service that is asked past the gateway')
  t.equal(await system.stop(), 0)

  t.match(audit(dataDir, 'verify'), { status: 0, text: /The audit log is as it was written: \d+ rows \(1 to \d+\)/ })
  const exported = audit(dataDir, 'export')
  t.equal(exported.status, 0)
  const entries = exported.text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Entry)
  const count = (wanted: Partial<Entry>) =>
    entries.filter((entry) => Object.entries(wanted).every(([name, value]) => entry[name as keyof Entry] === value))
      .length
  const actor = `account:${account.id}`
  t.equal(count({ event: 'POST /api/calendar/events', actor, result: 'allowed', service: 'calendar' }), 30)
  t.equal(count({ event: 'POST /api/diaries', actor, service: 'diary' }), 1)
  t.equal(count({ event: 'PUT /schemas/:name', actor, service: 'collector' }), 1)
  t.equal(count({ event: 'POST /ingest/qc' }), 0, 'a report that comes in is in the log of its tenant alone')
  t.equal(count({ event: 'login.succeeded', actor, service: 'identity' }), 1)
  t.equal(count({ event: 'credential.refused', status: 401, service: 'gateway' }), 2)
  t.equal(count({ event: 'GET /api/diaries', status: 401, service: 'diary', actor: 'anonymous' }), 1)
  t.equal(count({ event: 'GET /api/calendar/events' }), 0, 'reads are not in it')
  t.equal(new Set(entries.map(({ request_id }) => request_id)).size, entries.length, 'one row a request')
  t.notMatch(exported.text, /비밀|argon2|관리자의 긴/)

  const folder = t.testdir({})
  for (const name of ['identity.db', 'audit.checkpoint', 'encryption.keys']) {
    copyFileSync(path.join(dataDir, name), path.join(folder, name))
  }
  const db = new Sqlite(path.join(folder, 'identity.db'))
  db.exec("DROP TRIGGER audit_is_not_changed; UPDATE audit SET actor = 'account:innocent' WHERE seq = 5")
  db.close()
  t.match(audit(folder, 'verify'), { status: 1, text: /NOT as it was written[^]*row 5 was changed/ })
  t.match(audit(folder, 'tidy'), { status: 64, text: /Usage/ })
  t.match(audit(folder, 'export', '--from', 'yesterday'), { status: 64, text: /--from must be a time/ })
  t.equal(audit(folder, '--help').status, 0)
  const locked = t.testdir({})
  copyFileSync(path.join(dataDir, 'identity.db'), path.join(locked, 'identity.db'))
  t.match(audit(locked, 'verify'), { status: 2, text: /set ENCRYPTION_KEYS_FILE/ })
  t.same(readdirSync(locked), ['identity.db'], 'what only reads makes no key')
  const production = { NODE_ENV: 'production', HOST: '0.0.0.0', DATA_DIR: dataDir }
  const keys = { ENCRYPTION_KEYS_FILE: path.join(dataDir, 'encryption.keys') }
  t.match(run({ ...production, ...keys }, 'verify'), { status: 0 }, 'with the folder and the keys alone')
  t.match(audit(path.join(folder, 'nowhere'), 'verify'), { status: 2, text: /identity\.db is not there/ })
})

t.test('rows that came while identity was away are there once it is back, once', async (t) => {
  const system = await startSystem(t, { AUDIT_SHIP_MS: '20' }, FEW)
  const { gateway } = system
  const post = (title: string) =>
    fetch(`${gateway}/api/calendar/todos`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ title, date: '2026-11-14' }),
    })
  const pid = await system.pidOf('identity')
  process.kill(pid, 'SIGSTOP')
  for (let n = 0; n < 5; n++) t.equal((await post(`${n}`)).status, 201)
  await until('the calendar to give up waiting', () => /audit rows wait for identity/.test(system.output()), 30_000)
  process.kill(pid, 'SIGCONT')
  const rows = () => {
    const { text } = audit(system.dataDir, 'export')
    return text.split('\n').filter((line) => line.includes('POST /api/calendar/todos')).length
  }
  await until('all rows to arrive', () => rows() === 5, 30_000)
  t.equal((await post('one more')).status, 201)
  await until('the next one', () => rows() === 6, 30_000)
  t.equal(audit(system.dataDir, 'verify').status, 0, 'also while the service runs')
})

t.test(
  'a kill of identity in the middle of its work costs no row of the others, and the log still verifies',
  async (t) => {
    const system = await startSystem(t, { RATE_LIMIT_WRITE: '1000000', AUDIT_SHIP_MS: '20' }, FEW)
    let changes = 0
    let isOn = true
    const change = async () => {
      while (isOn) {
        const { status } = await fetch(`${system.gateway}/api/calendar/todos`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ title: 'x', date: '2026-11-14' }),
        })
        if (status === 201) changes++
      }
    }
    const working = Promise.all(Array.from({ length: 4 }, change))
    await until('some changes', () => changes > 50)
    const pid = await system.pidOf('identity')
    process.kill(pid, 'SIGKILL')
    await until('identity to be back', async () => (await system.pidOf('identity')) !== pid)
    t.equal(audit(system.dataDir, 'verify').status, 0)
    isOn = false
    await working
    t.equal(await system.stop(), 0)
    const rows = audit(system.dataDir, 'export').text.split('\n')
    t.equal(rows.filter((line) => line.includes('POST /api/calendar/todos')).length, changes)
    t.notOk(rows.some((line) => line.includes('audit.contradicted')))
    t.equal(audit(system.dataDir, 'verify').status, 0)
  },
)
