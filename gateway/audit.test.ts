import t from 'tap'
import { until } from '#shared/test/until.ts'
import { createRefusalBudget } from './audit.ts'
import { ask } from './test/client.ts'
import { testGateway } from './test/gateway.ts'

t.test(
  'a network has so many refusals as rows, all of them together four times as many, and the rest is counted',
  (t) => {
    const told: [string, number][] = []
    const { admits, end } = createRefusalBudget(3, (...counted) => told.push(counted))
    const rowsOf = (ip: string, count: number) => Array.from({ length: count }, () => admits(ip)).filter(Boolean).length
    t.equal(rowsOf('192.0.2.1', 10), 3)
    t.equal(rowsOf('2001:db8::1', 2), 2)
    t.equal(rowsOf('2001:db8::2', 2), 1, 'the same network')
    t.equal(rowsOf('192.0.2.3', 3), 3)
    t.equal(rowsOf('192.0.2.4', 3), 3)
    t.equal(rowsOf('192.0.2.5', 2), 0)
    t.equal(rowsOf('192.0.2.6', 2), 0)
    end()
    t.same(told, [
      ['192.0.2.1', 7],
      ['2001:db8:0:0::/64', 1],
      ['others', 4],
    ])
    t.equal(rowsOf('192.0.2.5', 2), 2, 'in the next minute')
    end()
    t.equal(told.length, 3)
    t.end()
  },
)

t.test(
  'who is refused all the time does not fill the audit log, and what was not written is counted in it',
  async (t) => {
    const gateway = await testGateway(t, { ACCESS: 'required', AUDIT_REFUSALS_MAX: '2', AUDIT_SHIP_MS: '1' })
    const { rows } = gateway.people
    for (let n = 0; n < 5; n++) t.equal((await ask(`${gateway.url}/api/events`)).status, 401)
    await until('the rows', () => rows.length >= 2)
    await gateway.app.close()
    t.same(
      rows.map(({ event, detail }) => [event, event === 'refusals.counted' ? detail : '']),
      [
        ['credential.refused', ''],
        ['credential.refused', ''],
        ['refusals.counted', '{"network":"127.0.0.1","refusals":3}'],
      ],
    )
  },
)
