import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { TEAM_A, TEAM_A_SENDER } from '../../test/collector.ts'
import { DAY_MS, retaining } from '../test/retaining.ts'

const TENANT = asTenant('default')
const put = (reason: string, rest: object = {}) => ({ method: 'PUT' as const, payload: { reason, ...rest } })

t.test('a report on hold is deleted neither by retention nor by anybody, and says why and by whom', async (t) => {
  const { ask, run, ingestOld } = await retaining(t)
  const id = await ingestOld(40)
  const gone = await ingestOld(40)
  const answer = await ask(`/reports/${id}/hold`, put('소송 2026-17'))
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), { id, hold: { reason: '소송 2026-17', by: 'default:admin', at: Number } })
  const report = await ask(`/reports/${id}`)
  t.match(report.json(), { id, hold: { reason: '소송 2026-17', by: 'default:admin', at: Number } })
  t.match((await ask('/admin/retention')).json(), { held: 1 })

  t.match((await run()).json(), { deleted: 1, archived: 1 })
  t.equal((await ask(`/reports/${gone}`)).statusCode, 404)
  const { etag } = (await ask(`/reports/${id}`)).headers
  const refused = await ask(`/reports/${id}`, {
    method: 'DELETE',
    headers: { 'if-match': String(etag) },
  })
  t.equal(refused.statusCode, 409)
  t.match(refused.json(), { message: 'The report is on hold: 소송 2026-17', hold: { by: 'default:admin' } })

  t.equal((await ask(`/reports/${id}/hold`, { method: 'DELETE' })).statusCode, 204)
  t.equal((await ask(`/reports/${id}/hold`, { method: 'DELETE' })).statusCode, 404)
  t.notOk('hold' in (await ask(`/reports/${id}`)).json<object>())
  t.match((await run()).json(), { deleted: 1 })
})

t.test('a hold changes the ETag of its report; one that is put again is another', async (t) => {
  const { ask, ingest } = await retaining(t)
  const id = await ingest()
  const { etag } = (await ask(`/reports/${id}`)).headers
  await ask(`/reports/${id}/hold`, put('one'))
  const held = await ask(`/reports/${id}`, { headers: { 'if-none-match': String(etag) } })
  t.match([held.statusCode, held.json()], [200, { hold: { reason: 'one' } }])
  await ask(`/reports/${id}/hold`, put('two'))
  t.match((await ask(`/reports/${id}`)).json(), { hold: { reason: 'two' } })
})

t.test('a hold with an end is lifted by the first run after it', async (t) => {
  const { ask, ingestOld, retention, setClock } = await retaining(t)
  const id = await ingestOld(40)
  const until = Date.now() + 2 * DAY_MS
  t.match((await ask(`/reports/${id}/hold`, put('until then', { until }))).json(), { hold: { until } })
  const runAt = async (now: number) => {
    setClock(() => ({ now, uptime: now, boot: 'a' }))
    return (await retention.begin(TENANT, { requestedBy: 'me' }))?.end
  }
  const listed = async (held: boolean) =>
    (await ask(`/reports?held=${held}`)).json<{ pagination: { totalCount: number } }>().pagination.totalCount
  const young = await ingestOld(1)
  await ask(`/reports/${young}/hold`, put('until then', { until }))
  t.same([await listed(true), await listed(false)], [2, 0])
  t.match(await runAt(until - 1), { deleted: 0 })
  t.match((await ask(`/reports/${id}`)).json(), { hold: { until } })
  t.match(await runAt(until), { deleted: 1 })
  t.match((await ask('/admin/retention')).json(), { held: 0 })
  t.same([await listed(true), await listed(false)], [0, 1])
})

t.test('bad holds are refused, and so are those of reports of others', async (t) => {
  const { ask, ingest } = await retaining(t)
  const id = await ingest()
  const bad: [object, string][] = [
    [{}, 'reason'],
    [{ reason: '' }, 'reason'],
    [{ reason: 'r'.repeat(1001) }, 'reason'],
    [{ reason: 'r', until: Date.now() - 1 }, 'until'],
    [{ reason: 'r', until: 'tomorrow' }, 'until'],
  ]
  for (const [payload, field] of bad) {
    const answer = await ask(`/reports/${id}/hold`, { method: 'PUT', payload })
    t.match([answer.statusCode, answer.json()], [400, { errors: [{ in: 'body', field }] }])
  }
  t.equal((await ask(`/reports/${id}/hold`, put('r'.repeat(1000)))).statusCode, 200)
  t.equal((await ask(`/reports/${id}/hold`, { ...put('theirs'), headers: TEAM_A })).statusCode, 404)
  t.equal((await ask(`/reports/${id}/hold`, { method: 'DELETE', headers: TEAM_A })).statusCode, 404)
  t.equal((await ask(`/reports/${id}/hold`, { ...put('theirs'), headers: TEAM_A_SENDER })).statusCode, 403)
  t.equal((await ask('/reports/report-1-abcdefghi/hold', put('nobody'))).statusCode, 404)
})

t.test('reports on hold are listed, those that came last first', async (t) => {
  const { ask, ingestOld } = await retaining(t)
  const ids: string[] = []
  for (let days = 5; days > 0; days--) ids.unshift(await ingestOld(days))
  for (const id of ids.slice(1)) await ask(`/reports/${id}/hold`, put(`hold of ${id}`))
  interface Page {
    holds: { id: string; hold: { reason: string } }[]
    nextCursor?: string
  }
  const read = async (query: string) => (await ask(`/admin/retention/holds?${query}`)).json<Page>()
  const all = await read('')
  t.same(
    all.holds.map(({ id, hold }) => [id, hold.reason]),
    ids.slice(1).map((id) => [id, `hold of ${id}`]),
  )
  t.notOk(all.nextCursor)
  const first = await read('limit=3')
  const rest = await read(`limit=3&cursor=${first.nextCursor}`)
  t.same([...first.holds, ...rest.holds], all.holds)
  t.notOk(rest.nextCursor)
  t.same((await ask('/admin/retention/holds', { headers: TEAM_A })).json(), { holds: [] })
  t.equal((await ask('/admin/retention/holds?limit=101')).statusCode, 400)
})
