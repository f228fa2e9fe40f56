import t from 'tap'
import { until } from '#shared/test/until.ts'
import { ask } from './test/client.ts'
import { testGateway } from './test/gateway.ts'

interface HealthPage extends Record<string, unknown> {
  status: string
  upstreams: Record<string, { status: string; breaker: string; reason?: string }>
}
const healthOf = async (url: string) => (await ask(`${url}/health`)).json<HealthPage>()

t.test('/health is what the existing monitor reads', async (t) => {
  const gateway = await testGateway(t)
  const page = await healthOf(gateway.url)
  t.match(page, {
    status: 'healthy',
    service: 'gateway',
    timestamp: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/,
    uptime: Number,
    port: gateway.port,
    version: /^\d+\./,
    rateLimits: { store: 'memory' },
    upstreams: {
      calendar: { status: 'up', breaker: 'closed' },
      diary: { status: 'up', breaker: 'closed' },
      collector: { status: 'up', breaker: 'closed' },
    },
  })
  t.notOk('down' in page)
})

t.test('while a service is down the gateway is degraded, names it and goes on with the others', async (t) => {
  const gateway = await testGateway(t, { PROXY_RESTART_WAIT_MS: '50' })
  await gateway.diary.close()
  const page = await until('the loss to be seen', async () => {
    const now = await healthOf(gateway.url)
    return now.status === 'degraded' && now
  })
  t.same(page.down, ['diary'])
  t.match(page.upstreams.diary, { status: 'down', reason: 'ECONNREFUSED' })
  t.match(page.upstreams.calendar, { status: 'up' })
  t.equal((await ask(`${gateway.url}/api/events`)).status, 200)
  t.equal((await ask(`${gateway.url}/health/live`)).status, 200)
  t.equal((await ask(`${gateway.url}/health/ready`)).status, 200, 'the gateway itself is ready')
})

t.test('a circuit that has opened is shown, spares the service, and closes again', async (t) => {
  let broken = true
  const gateway = await testGateway(
    t,
    { BREAKER_THRESHOLD: '3', BREAKER_COOLDOWN_MS: '500' },
    { calendar: (_request, response) => (broken ? response.socket?.destroy() : response.end('{}')) },
  )
  const post = async () => (await ask(`${gateway.url}/api/events`, { method: 'POST' })).status
  t.same([await post(), await post(), await post()], [502, 502, 502])
  const asked = gateway.calendar.received.length
  const refused = await ask(`${gateway.url}/api/events`, { method: 'POST' })
  t.equal(refused.status, 503)
  t.match(refused.json(), { error: 'Calendar service unavailable', message: /failed several times/ })
  t.equal(gateway.calendar.received.length, asked, 'the service is not asked')
  await until('the state to be shown', async () => (await healthOf(gateway.url)).upstreams.calendar?.breaker === 'open')
  t.match(
    await gateway.metrics.registry.metrics(),
    /breaker_state{upstream="calendar",state="open",service="gateway"} 1/,
  )
  t.equal((await ask(`${gateway.url}/api/diaries`)).status, 200, 'the others have circuits of their own')
  broken = false
  await until('the circuit to close', async () => (await post()) === 200)
  await until('that to be shown', async () => (await healthOf(gateway.url)).upstreams.calendar?.breaker === 'closed')
})

t.test('the metrics count requests by route, never by path', async (t) => {
  const gateway = await testGateway(t)
  for (const path of ['/api/events/1', '/api/events/2', '/nope', '/api//x', '/api/%zz']) await ask(gateway.url + path)
  const text = await until('the requests to be counted', async () => {
    const now = await gateway.metrics.registry.metrics()
    return /count{method="GET",route="\/api\/events\/\*",status="200",service="gateway"} 2/.test(now) && now
  })
  t.match(text, /count{method="GET",route="unknown",status="404",service="gateway"} 1/)
  t.notMatch(text, 'nope')
  for (const name of ['upstream_up', 'upstream_connections', 'upstream_queued_requests', 'upstream_retries']) {
    t.match(text, `gateway_${name}{upstream="calendar"`)
  }
})
