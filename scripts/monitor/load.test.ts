import t, { type Test } from 'tap'
import { BUDGETS } from './budgets.ts'
import { inspect, loadTarget } from './inspect.ts'
import { LIMITS } from './limits.ts'
import { budgetChecks, runLoad } from './load.ts'
import { MIX, planMix } from './mix.ts'
import type { RouteRun } from './run.ts'
import { makeScratch, MARK } from './scratch.ts'
import { defaultTargets, type Target } from './targets.ts'
import { fakeGateway } from './test/fake-gateway.ts'
import { deadOrigin, fakeProcess, mainHealth } from './test/fake-process.ts'

const access = { monitorKey: 'key-of-the-monitor', apiKey: { tenant: 'default', key: 'collector-key' } }
const settings = { connections: 7, rate: 100, duration_s: 1, warmup_s: 0 }

async function gatewayFor(t: Test) {
  const gateway = fakeGateway(mainHealth('gateway'))
  const target = await fakeProcess(t, 'gateway', { main: gateway.listener })
  return { gateway, target, watched: { targets: [target], budgets: BUDGETS, limits: LIMITS } }
}

t.test('the mix is measured route by route and leaves nothing behind', async (t) => {
  const { gateway, target } = await gatewayFor(t)
  gateway.events.set('mine', { id: 'mine', title: 'my own event', start_time: '2001-03-05T09:00:00Z' })
  const load = await runLoad(target.url, settings, access)
  t.same(
    load.routes.map(({ route }) => route),
    Object.keys(MIX),
  )
  for (const { route, offered, answered, errors } of load.routes) {
    t.ok(offered > 0 && offered === answered, `${route}: ${JSON.stringify(errors)}`)
  }
  t.equal(load.total.offered, 100)
  t.same([...gateway.events.keys()], ['mine'], 'only what the run made was removed')
  t.equal(gateway.diaries.size, 0)
  t.equal(gateway.reports.size, 0)
  t.equal(load.scratch.left, 0)
  t.ok(load.scratch.made >= 23 + 20, `${load.scratch.made}`)
  t.ok(
    gateway.headers.every((headers) => headers['x-monitor-key'] === access.monitorKey),
    'every request carries the key that exempts it',
  )
  t.ok(
    gateway.headers.every((headers) => headers['x-api-key'] === access.apiKey.key),
    'and the one that lets it in where access is required',
  )
})

t.test('what a killed run left is removed by the next, also when a list shows only a part', async (t) => {
  const { gateway, target } = await gatewayFor(t)
  for (let count = 0; count < 120; count += 1) {
    const id = `old-${count}`
    gateway.events.set(id, { id, title: MARK, start_time: '2001-03-05T09:00:00Z' })
  }
  const scratch = await makeScratch(target.url, {}, access.apiKey)
  t.equal(gateway.events.size, 20, 'only the seeds are there')
  t.same(await scratch.remove(), { made: 23, left: 0 })
  t.equal(gateway.events.size, 0)
})

t.test('what cannot be removed is told', async (t) => {
  const { gateway, target } = await gatewayFor(t)
  gateway.deletesReports = false
  const load = await runLoad(target.url, settings, access)
  t.ok(gateway.reports.size > 0)
  t.equal(load.scratch.left, gateway.reports.size)
})

t.test('without scratch data there is no load: that is a failed check, and what was made is removed', async (t) => {
  const { gateway, watched } = await gatewayFor(t)
  gateway.broken.add('/api/diaries')
  const run = await inspect(watched, t.testdir({}), { settings, access })
  t.equal(run.load, undefined)
  t.match(
    run.checks.filter((check) => !check.ok),
    [
      {
        target: 'load',
        name: 'scratch',
        problem: { code: 'no-scratch', values: { path: '/api/diaries', got: 'HTTP 500' } },
      },
    ],
  )
  t.equal(run.exit_code, 1)
  t.equal(gateway.events.size, 0)
})

t.test('a route that fails misses its error budget, with its class', async (t) => {
  const { gateway, watched } = await gatewayFor(t)
  gateway.broken.add('/timeline')
  const run = await inspect(watched, t.testdir({}), { settings, access })
  const timeline = run.load?.routes.find(({ route }) => route === 'GET /timeline')
  t.equal(timeline?.errors['5xx'], 10)
  const missed = run.checks.filter((check) => check.kind === 'budget' && check.name.endsWith('error_rate') && !check.ok)
  t.match(missed, [{ name: 'GET /timeline error_rate', problem: { values: { limit: 0.001, got: 1 } } }])
  t.equal(run.verdict, 'degraded')
})

t.test('no load is sent while a critical process is down', async (t) => {
  const { gateway, target, watched } = await gatewayFor(t)
  const dead: Target = {
    ...target,
    name: 'diary',
    contract: 'diary',
    url: await deadOrigin(),
    admin: await deadOrigin(),
  }
  const run = await inspect({ ...watched, targets: [target, dead] }, t.testdir({}), { settings, access })
  t.match(run, { verdict: 'down', exit_code: 2, grade: 'F', load_skipped: 'down' })
  t.equal(gateway.headers.length, 0)
})

t.test('load is refused for another machine unless the targets file opens it', async (t) => {
  const [gateway] = defaultTargets({ HOST: '10.1.2.3', GATEWAY_PORT: 5000 } as Parameters<typeof defaultTargets>[0])
  const watched = { targets: [gateway as Target], budgets: BUDGETS, limits: LIMITS }
  t.throws(() => loadTarget(watched), /refused for http:\/\/10\.1\.2\.3:5000/)
  t.equal(loadTarget({ ...watched, targets: [{ ...(gateway as Target), load: true }] }), 'http://10.1.2.3:5000')
  t.throws(() => loadTarget({ ...watched, targets: [] }), /contract "gateway"/)
})

t.test('connections are shared by load, one for each route at least', async (t) => {
  const { target } = await gatewayFor(t)
  const scratch = await makeScratch(target.url, {}, access.apiKey)
  const shares = (connections: number) => planMix(scratch, 100, connections).map((plan) => plan.connections)
  t.same(shares(1), [1, 1, 1, 1, 1, 1, 1])
  t.same(shares(20), [6, 3, 2, 3, 2, 2, 2])
  t.equal(
    planMix(scratch, 50, 7).reduce((sum, { rate }) => sum + rate, 0),
    50,
  )
  await scratch.remove()
})

t.test('a budget of which nothing was measured is missed', async (t) => {
  const route: RouteRun = {
    route: 'GET /timeline',
    connections: 1,
    offered_rate: 1,
    reached_rate: 0,
    offered: 0,
    answered: 0,
    errors: { connect: 0, timeout: 0, reset: 0, '4xx': 0, '429': 0, '5xx': 0, other: 0, unsent: 0 },
    error_rate: 0,
    latency_ms: { p50: null, p90: null, p95: null, p99: null, p99_9: null, max: null, mean: null },
    slices: [],
  }
  t.match(
    budgetChecks({ routes: [route] }).map(({ ok, problem }) => [ok, problem?.code]),
    [
      [false, 'nothing-measured'],
      [false, 'nothing-measured'],
      [false, 'nothing-measured'],
    ],
  )
  t.same(budgetChecks({ routes: [{ ...route, route: 'GET /other' }] }), [], 'a route without a budget has no check')
})
