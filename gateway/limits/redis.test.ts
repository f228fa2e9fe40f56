import t from 'tap'
import { until } from '#shared/test/until.ts'
import { ask } from '../test/client.ts'
import { testGateway } from '../test/gateway.ts'
import { hasRedis, startRedis } from '../test/redis.ts'

const skip = hasRedis ? false : 'redis-server is not installed (Debian: apt-get install redis-server)'

interface HealthPage {
  status: string
  rateLimits: { store: string }
}
const healthOf = async (url: string) => (await ask(`${url}/health`)).json<HealthPage>()
const storeIs = (url: string, store: string) =>
  until(`the store to be ${store}`, async () => (await healthOf(url)).rateLimits.store === store)

t.test('two gateways with one Redis share their budgets', { skip }, async (t) => {
  const redis = await startRedis(t)
  const env = { REDIS_URL: redis.url, RATE_LIMIT_GENERAL: '4' }
  const gateways = [await testGateway(t, env), await testGateway(t, env)] as const
  for (const { url } of gateways) await storeIs(url, 'redis')
  const answers = []
  for (let i = 0; i < 6; i++) answers.push(await ask(`${gateways[i % 2]?.url}/api/events`))
  t.same(
    answers.map(({ status, headers }) => [status, headers['x-ratelimit-remaining']]),
    [
      [200, '3'],
      [200, '2'],
      [200, '1'],
      [200, '0'],
      [429, '0'],
      [429, '0'],
    ],
  )
  t.equal((await ask(`${gateways[0].url}/api/events`, { method: 'POST' })).status, 200, 'classes stay apart')
})

t.test('a dead Redis lets requests pass and is reported, and counts again when it is back', { skip }, async (t) => {
  const redis = await startRedis(t)
  const { url } = await testGateway(t, { REDIS_URL: redis.url, RATE_LIMIT_GENERAL: '1' })
  await storeIs(url, 'redis')
  t.match(await healthOf(url), { status: 'healthy' })
  t.equal((await ask(`${url}/api/events`)).status, 200)
  t.equal((await ask(`${url}/api/events`)).status, 429)
  await redis.kill()
  await storeIs(url, 'redis-unreachable')
  for (let i = 0; i < 5; i++) t.equal((await ask(`${url}/api/events`)).status, 200)
  t.match(await healthOf(url), { status: 'degraded' })
  await redis.start()
  await storeIs(url, 'redis')
  await until('a refusal', async () => (await ask(`${url}/api/events`)).status === 429)
})

t.test('a Redis that hangs lets requests pass', { skip }, async (t) => {
  const redis = await startRedis(t)
  const { url } = await testGateway(t, { REDIS_URL: redis.url, RATE_LIMIT_GENERAL: '1' })
  await storeIs(url, 'redis')
  t.equal((await ask(`${url}/api/events`)).status, 200)
  process.kill(redis.pid, 'SIGSTOP')
  for (let i = 0; i < 3; i++) t.equal((await ask(`${url}/api/events`)).status, 200)
  await storeIs(url, 'redis-unreachable')
})

t.test('a Redis that was never there does not keep the gateway from starting', async (t) => {
  const { url } = await testGateway(t, { REDIS_URL: 'redis://127.0.0.1:1', RATE_LIMIT_GENERAL: '1' })
  for (let i = 0; i < 3; i++) t.equal((await ask(`${url}/api/events`)).status, 200)
  t.match(await healthOf(url), { status: 'degraded', rateLimits: { store: 'redis-unreachable' } })
})
