import { setTimeout as pause } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { collector, TEAM_A } from '../test/collector.ts'
import { freshDatabase, needsPostgres } from '../test/postgres.ts'

const options = await needsPostgres()

/** Longer than a replica takes to know what another one did. */
const KNOWN_MS = 1100
let made = 0
const report = () => ({ status: {}, raw: made++ })

async function replicas(t: Test) {
  const settings = { COLLECTOR_DATABASE_URL: await freshDatabase(t) }
  return [await collector(t, settings), await collector(t, settings)] as const
}
type Replica = Awaited<ReturnType<typeof collector>>

const limit = ({ ask }: Replica, quotas: object) =>
  ask('/admin/tenants/teamA', { method: 'PATCH', payload: { quotas } })
const send = async ({ ask }: Replica) =>
  (await ask('/ingest/qc', { method: 'POST', payload: report(), headers: TEAM_A })).statusCode
const use = async ({ ask }: Replica) => (await ask('/usage', { headers: TEAM_A })).json<object>()

t.test('a day and storage are of all replicas, and a write of one knows of those of the other', options, async (t) => {
  const [one, other] = await replicas(t)
  await limit(one, { reportsPerDay: 6 })
  for (const replica of [one, other, one, other]) t.equal(await send(replica), 201)
  await pause(KNOWN_MS)
  t.match(await use(one), { quotas: { reportsPerDay: { limit: 6, used: 4 } }, stored: { reports: 4 } })
  t.same([await send(one), await send(one), await send(one)], [201, 201, 429])
  await pause(KNOWN_MS)
  t.equal(await send(other), 429)
  t.match(await use(other), { quotas: { reportsPerDay: { used: 6 } }, days: [{ refused: { reportsPerDay: 2 } }] })
})

t.test('a suspension by one replica is known to all within a second, and its streams end', options, async (t) => {
  const [one, other] = await replicas(t)
  t.equal(await send(one), 201)
  t.equal(await send(other), 201)
  const streaming = other.app.inject({ url: '/reports/stream', headers: TEAM_A })
  await other.ask('/admin/tenants/teamA/suspend', { method: 'POST' })
  t.equal(await send(other), 403, 'at once where it was asked for')
  await pause(KNOWN_MS)
  t.equal(await send(one), 403)
  await one.ask('/admin/tenants/teamA/resume', { method: 'POST' })
  t.equal(await send(one), 201)
  t.equal((await streaming).statusCode, 200, 'it has an end')
})

t.test('two administrators who change a tenant at once do it one after the other', options, async (t) => {
  const [one, other] = await replicas(t)
  const headers = { 'if-match': (await one.ask('/admin/tenants/teamA')).headers.etag as string }
  const change = ({ ask }: Replica, quotas: object) =>
    ask('/admin/tenants/teamA', { method: 'PATCH', payload: { quotas }, headers })
  const answers = await Promise.all([change(one, { reportsPerDay: 1 }), change(other, { bytesPerDay: 1 })])
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 412])
  const posts = await Promise.all(
    [one, other, one].map(({ ask }) => ask('/admin/tenants', { method: 'POST', payload: { id: 'x' } })),
  )
  t.same(posts.map(({ statusCode }) => statusCode).sort(), [201, 409, 409])
})
