import { mock } from 'node:test'
import t, { type Test } from 'tap'
import { ASSERTION_HEADER, ASSERTION_TTL_S } from '#shared/assertion.ts'
import type { App } from '#shared/server.ts'
import { testService } from '#shared/test/service.ts'
import { calendarProcess } from '../../services/calendar/app.ts'
import { collectorProcess } from '../../services/collector/app.ts'
import { diaryProcess } from '../../services/diary/app.ts'
import { identityProcess } from '../../services/identity/app.ts'
import { ask } from '../test/client.ts'
import { SECRET, testGateway } from '../test/gateway.ts'

const REQUIRED = { ACCESS: 'required', INTERNAL_SECRET: SECRET }

t.test('an assertion stolen on its way to a service opens no other one, and none a minute later', async (t) => {
  const gateway = await testGateway(t, REQUIRED)
  const authorization = `Bearer ${await gateway.people.token({ claims: { role: 'admin' } })}`
  await ask(`${gateway.url}/api/events`, { headers: { authorization } })
  const stolen = gateway.calendar.received.at(-1)?.headers[ASSERTION_HEADER] as string
  await t.test('/api/calendar/events', async (t) => {
    const calendar = await testService(t, calendarProcess, REQUIRED)
    const get = async (service: typeof calendar, url: string) =>
      (await service.app.inject({ url, headers: { [ASSERTION_HEADER]: stolen } })).statusCode
    t.equal(await get(calendar, '/api/calendar/events'), 200, 'it is good where it was going')
    mock.timers.enable({ apis: ['Date'], now: Date.now() + (ASSERTION_TTL_S + 2) * 1000 })
    t.teardown(() => mock.timers.reset())
    t.equal(await get(calendar, '/api/calendar/events'), 401, 'but not for long')
    mock.timers.reset()
  })
  const others: Record<string, (t: Test) => Promise<{ app: App }>> = {
    '/api/diaries': (t) => testService(t, diaryProcess, REQUIRED),
    '/reports': (t) => testService(t, collectorProcess, REQUIRED),
    '/api/auth/me': (t) => testService(t, identityProcess, REQUIRED),
  }
  for (const [url, start] of Object.entries(others)) {
    await t.test(url, async (t) => {
      const { app } = await start(t)
      t.equal((await app.inject({ url, headers: { [ASSERTION_HEADER]: stolen } })).statusCode, 401)
    })
  }
  const outside = await ask(`${gateway.url}/api/events`, { headers: { [ASSERTION_HEADER]: stolen } })
  t.equal(outside.status, 401, 'and the gateway does not take it from outside')
})
