import { randomBytes, randomInt } from 'node:crypto'
import t, { type Test } from 'tap'
import { collector, judged, TEAM_A } from '../test/collector.ts'
import { freshDatabase, needsPostgres } from '../test/postgres.ts'

const options = await needsPostgres()

const TENANTS = [{ 'x-tenant': 'default', 'x-api-key': 'collector-key' }, TEAM_A]

/** Two processes' worth of the service on one database. */
async function replicas(t: Test) {
  const url = await freshDatabase(t)
  // What one has sealed the other one opens.
  const settings = { COLLECTOR_DATABASE_URL: url, ENCRYPTION_KEYS: `k:${randomBytes(32).toString('base64')}` }
  return [await collector(t, settings), await collector(t, settings)] as const
}

const until = async (holds: () => boolean | Promise<boolean>) => {
  for (let tries = 0; !(await holds()); tries++) {
    if (tries === 1000) throw new Error('it never came')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

t.test(
  'what one replica has acknowledged the other one shows at once, and a 304 is right on both',
  options,
  async (t) => {
    const [one, other] = await replicas(t)
    let known: string | undefined
    for (let n = 1; n <= 20; n++) {
      const [writer, reader] = n % 2 === 0 ? [one, other] : [other, one]
      const id = await writer.ingest({ status: {}, raw: n })
      const asked = await reader.ask('/reports', known === undefined ? {} : { headers: { 'if-none-match': known } })
      t.equal(asked.statusCode, 200)
      t.match(asked.json(), { reports: [{ id }], pagination: { totalCount: n } })
      known = String(asked.headers.etag)
      const again = await writer.ask('/reports', { headers: { 'if-none-match': known } })
      t.equal(again.statusCode, 304, 'a tag of one is good on the other')
    }
  },
)

t.test('a replica hears of changes by another', options, async (t) => {
  const [one, other] = await replicas(t)
  const heard: string[] = []
  const end = other.versions.onChange((tenant) => heard.push(tenant))
  await one.ask('/ingest/qc', { method: 'POST', payload: judged('warn'), headers: TEAM_A })
  await until(() => heard.includes('teamA'))
  t.notOk(heard.includes('default'))
  end()
})

t.test(
  'two replicas that write for the same tenants at once count every report once and fold every finding',
  options,
  async (t) => {
    const both = await replicas(t)
    const [ROUNDS, EACH, REPEATED] = [15, 20, 5]
    const shared = Array.from({ length: REPEATED }, (_, n) => ({ ...judged('block'), raw: `shared ${n}` }))
    const sent = await Promise.all(
      both.flatMap(({ ask }, replica) =>
        TENANTS.map(async (headers) => {
          let stored = 0
          for (let round = 0; round < ROUNDS; round++) {
            const own = Array.from({ length: EACH }, (_, n) => ({
              ...judged(['info', 'warn', 'block'][randomInt(3)] as string),
              raw: [replica, round, n],
            }))
            const answer = await ask('/ingest/qc/batch', { method: 'POST', payload: [...own, ...shared], headers })
            t.equal(answer.statusCode, 200)
            stored += answer.json<{ counts: { stored: number } }>().counts.stored
          }
          return stored
        }),
      ),
    )
    const each = 2 * ROUNDS * EACH + REPEATED
    t.equal(
      sent.reduce((sum, n) => sum + n, 0),
      2 * each,
      'what both sent is stored once',
    )
    const [{ ask, sql }] = both
    for (const headers of TENANTS) {
      t.match((await ask('/reports', { headers })).json(), { pagination: { totalCount: each } })
      t.match((await ask('/findings', { headers })).json(), { totalCount: 1, findings: [{ count: each }] })
    }
    t.same(await sql('SELECT sum(reports) AS n FROM report_hours'), [{ n: 2 * each }])
    const events = await sql<{ event: string }>(
      'SELECT event FROM finding_events WHERE tenantId = ? ORDER BY seq',
      'default',
    )
    const turns = events.map(({ event }) => event).filter((event) => event !== 'changed')
    t.ok(
      turns.every((event, at) => (event === 'resolved') === (at % 2 === 1)),
      'openings and resolutions take turns: no replica overlooked another',
    )
  },
)

t.test('the same Idempotency-Key on two replicas at once is done once', options, async (t) => {
  const both = await replicas(t)
  for (let n = 0; n < 10; n++) {
    const headers = { 'idempotency-key': `key ${n}` }
    const answers = await Promise.all(
      [...both, ...both].map(({ ask }) =>
        ask('/ingest/qc', { method: 'POST', payload: { status: {}, raw: n }, headers }),
      ),
    )
    t.equal(new Set(answers.map((answer) => answer.body)).size, 1)
    t.equal(answers.filter((answer) => answer.headers['idempotency-replayed'] === undefined).length, 1)
  }
  const signed = await both[0].ingest()
  const sign = { method: 'POST', headers: { 'idempotency-key': 'sign' } } as const
  const links = await Promise.all(both.map(({ ask }) => ask(`/reports/${signed}/sign`, sign)))
  t.equal(links[0]?.body, links[1]?.body)
})
