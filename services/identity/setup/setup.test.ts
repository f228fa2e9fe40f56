import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import type { AccountView } from '../accounts/view.ts'
import { identity } from '../test/identity.ts'

const SETUP = '/api/auth/setup'
const ADMIN = { email: 'admin@example.com', name: '관리자 김', password: '바른 말 고운 말 42' }
const TOKEN = /"token":"([\w-]{43})"/

/** Identity as a process of its own, in open access; what it prints, and where it listens. */
async function start(t: Test, dataDir: string) {
  const main = path.join(import.meta.dirname, '../main.ts')
  const env = { PATH: process.env.PATH, DATA_DIR: dataDir, IDENTITY_PORT: '0', LOG_FORMAT: 'json' }
  const child = spawn(process.execPath, [main], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const stop = async () => {
    if (child.exitCode !== null) return
    child.kill('SIGTERM')
    await once(child, 'exit')
  }
  t.teardown(stop)
  let port = 0
  for await (const line of createInterface(child.stdout)) {
    lines.push(line)
    if (!line.includes('"ready"')) continue
    port = (JSON.parse(line) as { port: number }).port
    break
  }
  const post = (body: object, url = SETUP) =>
    fetch(`http://localhost:${port}${url}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  return { lines, post, stop, token: TOKEN.exec(lines.join('\n'))?.[1] }
}

t.test('the first administrator is made by a token that the start prints, once, outside the log', async (t) => {
  const dataDir = t.testdir({})
  const first = await start(t, dataDir)
  t.ok(first.token)
  const printed = first.lines.filter((line) => line.includes(String(first.token)))
  t.equal(printed.length, 1)
  t.notOk(printed[0]?.startsWith('{'), 'no line of the log')
  t.match(first.lines.join('\n'), 'curl http://localhost:5000/api/auth/setup')
  await first.stop()

  const second = await start(t, dataDir)
  t.ok(second.token)
  t.not(second.token, first.token)
  t.equal((await second.post({ ...ADMIN, token: first.token })).status, 403, 'a restart voids the token before')
  const made = await second.post({ ...ADMIN, token: second.token })
  t.equal(made.status, 201)
  t.match((await made.json()) as AccountView, {
    email: ADMIN.email,
    email_verified: true,
    state: 'approved',
    tenants: [{ tenant: 'default', role: 'admin' }],
  })
  t.equal((await second.post({ ...ADMIN, email: 'b@example.com', token: second.token })).status, 403, 'good once')
  const login = await second.post({ email: ADMIN.email, password: ADMIN.password }, '/api/auth/login')
  t.match(await login.json(), { role: 'admin', tenant: 'default' })
  await second.stop()

  const third = await start(t, dataDir)
  t.equal(third.token, undefined, 'there is nothing to print any more')
})

t.test('without a printed token nobody becomes administrator, whoever signs up first', async (t) => {
  const { call, signedUp, db } = await identity(t)
  await signedUp()
  for (const token of ['', 'x', 'A'.repeat(43), null, 1, { $ne: '' }]) {
    const { status } = await call('POST', SETUP, { body: { ...ADMIN, token } })
    t.ok(status === 400 || status === 403, String(status))
  }
  t.equal((await call('POST', SETUP, { body: ADMIN })).status, 400)
  t.equal(db.prepare("SELECT count(*) FROM memberships WHERE role = 'admin'").pluck().get(), 0)
})
