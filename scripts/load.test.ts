import { readFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import type { jsonReport } from './monitor/report-json.ts'
import { runProgram, settingsFor } from './monitor/test/run-program.ts'
import { startSystem, systemSettings } from './test/system.ts'

t.setTimeout(110_000)

t.test('wrong usage of npm run load is one line, and without a gateway there is no load', async (t) => {
  const { env } = await systemSettings(t)
  const load = (...args: string[]) => runProgram('scripts/load.ts', args, env)
  const [route, help, dead] = await Promise.all([
    load('--route', 'http://example.org/'),
    load('--help'),
    load('--route', '/'),
  ])
  t.equal(route.code, 64)
  t.match(route.err, /^load: --route must be a path.*\n$/)
  t.match(help.out, /--route PATH/)
  t.equal(dead.code, 2)
  t.match(dead.err, /^load: the gateway does not answer at .*npm start\n$/)
})

t.test('the running system', { timeout: 100_000 }, async (t) => {
  const system = await startSystem(t)
  const env = settingsFor(system)
  const at = (name: string) => path.join(path.dirname(system.dataDir), name)

  await t.test(
    'takes load through the gateway beyond its rate limits, and its own events are gone after',
    async (t) => {
      const options = ['--load', '--rate', '600', '--duration', '2', '--connections', '14', '--baseline', 'set']
      const files = ['--json', '--junit', at('h.xml'), '--html', at('h.html')]
      // The budgets are not what is tested here: this machine may be busy with other tests.
      const { out } = await runProgram('health-monitor.ts', [...options, ...files], env)
      const document = JSON.parse(out) as ReturnType<typeof jsonReport>
      const { load } = document
      t.equal(load?.total.offered, 1200)
      t.equal(load?.total.errors['429'], 0, 'more than a client may send in a quarter of an hour')
      t.equal(load?.total.errors['4xx'], 0)
      t.equal(load?.total.errors['5xx'], 0)
      t.equal(load?.routes.length, 7)
      t.equal(load?.scratch.left, 0, 'nothing of the load stays')
      const listed = await fetch(`${system.gateway}/api/calendar/events?start=2001-01-01&end=2001-12-31`, {
        headers: { 'x-user-id': 'monitor-scratch' },
      })
      t.match(await listed.json(), { status: 'success', data: [], count: 0 })
      const diaries = await fetch(`${system.gateway}/api/diaries`, { headers: { 'x-user-id': 'monitor-scratch' } })
      t.same(await diaries.json(), [])
      t.match(readFileSync(at('h.xml'), 'utf8'), 'GET /timeline p99_ms')
      t.match(readFileSync(at('h.html'), 'utf8'), '<svg')
    },
  )

  await t.test('takes load on one route, and Ctrl-C ends that early with its figures', async (t) => {
    const args = ['--route', '/api/calendar/events', '--rate', '50', '--duration', '1']
    const { code, out } = await runProgram('scripts/load.ts', args, env)
    t.equal(code, 0)
    t.match(out, /^GET \/api\/calendar\/events\n\s+offered\s+50\/s on 10 connections for 1 s: 50/)
    t.match(out, /p99\.9\s+[\d.]+ ms/)
    t.match(out, /errors\s+0\n/)
    const long = ['--route', '/timeline', '--duration', '60', '--json']
    const cut = await runProgram('scripts/load.ts', long, env, async (kill) => {
      await new Promise((resolve) => setTimeout(resolve, 3000))
      kill('SIGINT')
    })
    t.equal(cut.code, 0, cut.err)
    const { total } = JSON.parse(cut.out) as { total: { offered: number } }
    t.ok(total.offered < 3000)
    const bad = await runProgram('scripts/load.ts', ['--route', '/nope', '--rate', '10', '--duration', '1'], env)
    t.equal(bad.code, 1)
    t.match(bad.out, /100 % \(4xx 10\)/)
  })
})
