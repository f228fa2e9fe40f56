import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'
import { testService } from '#shared/test/service.ts'
import { gatewayProcess } from '../app.ts'
import { UPSTREAM_NAMES, type UpstreamName } from '../upstreams.ts'
import { playIdentity } from './identity.ts'
import { startOrigin, type Origin } from './origin.ts'

/** The key that the gateway under test signs with. */
export const SECRET = 'the secret of the gateway under test'

/**
 * The gateway as its main.ts builds it, listening on a free port in front of small origins; `people` is the identity behind it.
 * @param env settings that differ from the defaults
 * @param answers how an origin answers, where that matters
 */
export async function testGateway(
  t: Test,
  env: Record<string, string> = {},
  answers: Partial<Record<UpstreamName, RequestListener>> = {},
) {
  const people = await playIdentity(SECRET)
  const given: Partial<Record<UpstreamName, RequestListener>> = { identity: people.listener, ...answers }
  const started = await Promise.all(UPSTREAM_NAMES.map((name) => startOrigin(t, given[name])))
  const origins = Object.fromEntries(UPSTREAM_NAMES.map((name, i) => [name, started[i]])) as Record<
    UpstreamName,
    Origin
  >
  const gateway = await testService(t, gatewayProcess, {
    INTERNAL_SECRET: SECRET,
    CALENDAR_URL: origins.calendar.url,
    DIARY_URL: origins.diary.url,
    COLLECTOR_URL: origins.collector.url,
    IDENTITY_URL: origins.identity.url,
    ...env,
  })
  await gateway.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = gateway.app.server.address() as AddressInfo
  return { ...gateway, ...origins, people, port, url: `http://127.0.0.1:${port}` }
}
