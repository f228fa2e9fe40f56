import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import t, { type Test } from 'tap'
import { newReportId } from '../../ingest/report-id.ts'
import { DEFAULT_KEY, TEAM_A, TEAM_B } from '../../test/collector.ts'
import { DAY_MS, linesOf, retaining } from '../test/retaining.ts'

interface Restored {
  restored: number
  duplicate: number
  refused: { index: number; id?: string; message: string }[]
}

/** A line as an archive has it, which nobody archived. */
const line = (createdAt: number, more: object = {}): Record<string, unknown> & { id: string } => ({
  id: newReportId(createdAt),
  createdAt,
  updatedAt: createdAt,
  state: 'stored',
  report: { status: {} },
  ...more,
})

async function restoring(t: Test, env: Record<string, string> = {}) {
  const service = await retaining(t, env)
  const sendAsIs = (lines: readonly string[], headers: Record<string, string> = {}) =>
    service.ask('/admin/retention/restore', {
      method: 'POST',
      payload: lines.join('\n'),
      headers: { 'content-type': 'application/x-ndjson', ...headers },
    })
  const send = (lines: readonly (object | string)[], headers: Record<string, string> = {}) =>
    sendAsIs(
      lines.map((one) => service.signed(one, headers['x-tenant'])),
      headers,
    )
  const restore = async (lines: readonly (object | string)[], headers: Record<string, string> = {}) => {
    const answer = await send(lines, headers)
    t.equal(answer.statusCode, 200, answer.body.slice(0, 500))
    return answer.json<Restored>()
  }
  const stored = async () => (await service.sql<{ n: number }>('SELECT count(*) AS n FROM reports'))[0]?.n
  const held = async () => (await service.sql<{ n: number }>('SELECT count(*) AS n FROM report_holds'))[0]?.n
  return { ...service, sendAsIs, send, restore, stored, held }
}

t.test('a report from the future is not taken back, and retention goes on', async (t) => {
  const { restore, run, stored } = await restoring(t)
  const now = Date.now()
  const future = [now + 2 * DAY_MS, ...Array.from({ length: 24 }, (_, month) => Date.UTC(2100, month))]
  const answer = await restore([
    ...future.map((time) => line(time)),
    line(now, { updatedAt: now + 2 * DAY_MS }),
    line(now + DAY_MS / 2),
  ])
  t.match(answer, { restored: 1, refused: future.map((_, index) => ({ index, message: 'it is from the future' })) })
  t.equal(answer.refused.length, future.length + 1)
  t.equal(await stored(), 1)
  t.equal((await run()).statusCode, 200)
})

t.test('a time that no calendar has is a fault of its line only', async (t) => {
  const { restore } = await restoring(t)
  const bad = [8.64e15, 8.64e15 + 1, 999_999_999_999_999].map((time) => line(time))
  t.match(await restore([...bad, line(Date.now())]), {
    restored: 1,
    refused: [{ index: 0 }, { index: 1 }, { index: 2 }],
  })
})

t.test('a report that is older than RETENTION_RESTORE_OLDEST_DAYS is not taken back', async (t) => {
  const { restore } = await restoring(t, { RETENTION_RESTORE_OLDEST_DAYS: '40' })
  const answer = await restore([line(0), line(Date.now() - 41 * DAY_MS), line(Date.now() - 39 * DAY_MS)])
  const message = 'it is older than RETENTION_RESTORE_OLDEST_DAYS (40)'
  t.match(answer, {
    restored: 1,
    refused: [
      { index: 0, message },
      { index: 1, message },
    ],
  })
})

t.test('a request has reports of RETENTION_RESTORE_MONTHS_MAX months at most', async (t) => {
  const { restore } = await restoring(t, { RETENTION_RESTORE_MONTHS_MAX: '3' })
  const months = [0, 1, 2, 3, 4].map((month) => Date.UTC(2024, month, 15))
  const lines = [...months, months[0] as number].map((time) => line(time))
  const answer = await restore(lines)
  t.match(answer, { restored: 4, refused: [{ index: 3, id: lines[3]?.id }, { index: 4 }] })
  t.match(answer.refused[0]?.message, /RETENTION_RESTORE_MONTHS_MAX \(3\)/)
  t.match(await restore(lines), { duplicate: 4 })
  t.match(await restore(lines.slice(3, 5)), { restored: 2 }, 'in a request of their own they come back')
})

t.test('what comes back is within storageBytes of the tenant, and not within its day', async (t) => {
  const { restore, ask } = await restoring(t, {
    QUOTA_STORAGE_BYTES: '1000',
    QUOTA_REPORTS_PER_DAY: '1',
    INGEST_CHUNK: '2',
  })
  const raw = 'x'.repeat(400 - JSON.stringify({ status: {}, raw: '' }).length)
  const lines = Array.from({ length: 5 }, () => line(Date.now() - DAY_MS, { report: { status: {}, raw } }))
  const answer = await restore(lines)
  t.match(answer, { restored: 2, refused: [{ index: 2, id: lines[2]?.id }, { index: 3 }, { index: 4 }] })
  t.match(answer.refused[0]?.message, /storageBytes \(1000\) of the tenant default/)
  t.match((await ask('/usage')).json(), { stored: { reports: 2, bytes: 800 } })
  const exact = line(Date.now(), { report: { status: {}, raw: raw.slice(200) } })
  t.match(await restore([exact]), { restored: 1, refused: [] }, 'to the last byte')
  t.match(await restore([line(Date.now())]), { restored: 0, refused: [{ index: 0 }] })
})

t.test('nobody learns that an id is of another tenant, or gets it', async (t) => {
  const { restore, ask, ingest, run, ingestOld, archives } = await restoring(t)
  const id = await ingest(undefined, TEAM_A)
  const same = { ...line(Number(id.split('-')[1])), id }
  t.same(await restore([same], TEAM_B), {
    restored: 0,
    duplicate: 0,
    refused: [{ index: 0, id, message: 'cannot be restored' }],
  })
  t.same(await restore([same], TEAM_A), { restored: 0, duplicate: 1, refused: [] })
  t.equal((await ask(`/reports/${id}`, { headers: TEAM_B })).statusCode, 404)

  // Whoever has the key can sign a line for another tenant; who had the id is told that it did not come back.
  const old = await ingestOld(50)
  await run()
  const [archived] = (await Promise.all(archives().map(linesOf))).flat()
  t.match(await restore([archived as string], TEAM_B), { restored: 1 })
  t.match(await restore([archived as string]), { duplicate: 0, refused: [{ id: old, message: 'cannot be restored' }] })
})

t.test('only what was archived for a tenant comes back for it: nobody takes an id that is free', async (t) => {
  const { restore, send, sendAsIs, signed, ask, run, ingest, ingestOld, archives } = await restoring(t)
  const deleted = await ingest()
  t.equal((await ask(`/reports/${deleted}`, { method: 'DELETE' })).statusCode, 204)
  await ingestOld(50)
  await run()
  const [archived = ''] = (await Promise.all(archives().map(linesOf))).flat()
  const taken = JSON.stringify({ ...line(Number(deleted.split('-')[1])), id: deleted })
  const forged = [
    taken,
    archived,
    signed(taken, 'default'),
    signed(taken, 'teamB').replace('status', 'Status'),
    signed(taken, 'teamB').replace(/[\da-f]"\}$/, (end) => (end.startsWith('0') ? '1"}' : '0"}')),
    signed(taken, 'teamB').replace('"mac":"', '"mac":"other'),
    `${signed(taken, 'teamB').slice(0, -1)},"id":"${deleted}"}`,
    `${taken.slice(0, -1)},"mac":"${signed(taken, 'teamB')}"}`,
  ]
  const message = 'is not signed, or not for this tenant, or with a key that is not there any more'
  t.same((await sendAsIs(forged, TEAM_B)).json(), {
    restored: 0,
    duplicate: 0,
    refused: forged.map((_, index) => ({ index, message })),
  })
  t.match((await send([line(Date.now())], TEAM_B)).json(), { restored: 1 }, 'what is signed for it does')
  t.match(
    (await sendAsIs([`${archived}\r`])).json(),
    { restored: 1, refused: [] },
    'and so does the report of who had it',
  )
  t.match(await restore([taken]), { restored: 1 })
})

t.test('a request ends at the line with which more than RETENTION_RESTORE_REFUSED_MAX are refused', async (t) => {
  const { restore, send, stored } = await restoring(t, { RETENTION_RESTORE_REFUSED_MAX: '3', INGEST_CHUNK: '2' })
  const [good, bad] = [() => line(Date.now()), () => line(0)]
  t.match(await restore([bad(), good(), bad(), bad(), good()]), { restored: 2, refused: { length: 3 } })
  const answer = await send([good(), bad(), bad(), bad(), good(), good(), bad(), good(), bad()])
  t.equal(answer.statusCode, 400)
  const problem = answer.json<Restored>()
  t.match(problem, { message: /RETENTION_RESTORE_REFUSED_MAX/, restored: 3, duplicate: 0 })
  t.same(
    problem.refused.map(({ index }) => index),
    [1, 2, 3],
  )
  t.equal(await stored(), 5, 'what came before is stored')
})

t.test('only so many requests restore at a time, of a tenant and in all', async (t) => {
  const { app, signed, send } = await restoring(t, {
    RETENTION_RESTORES_MAX: '2',
    RETENTION_RESTORES_TENANT_MAX: '1',
  })
  const url = new URL('/admin/retention/restore', await app.listen({ port: 0, host: '127.0.0.1' }))
  const begin = (headers: Record<string, string>) => {
    const one = request(url, { method: 'POST', headers: { ...headers, 'content-type': 'application/x-ndjson' } })
    one.on('error', () => undefined).write(`${signed(line(Date.now()), headers['x-tenant'])}\n`)
    const answer = once(one, 'response').then(([given]) => (given as IncomingMessage).statusCode)
    return { one, answer }
  }
  const all = [begin(DEFAULT_KEY), begin(DEFAULT_KEY)]
  const answers = (some: typeof all) => some.map(({ answer }) => answer)
  t.equal(await Promise.race(answers(all)), 429, 'of two one has to wait')
  t.equal((await send([line(Date.now())], TEAM_A)).statusCode, 200)
  const others = [begin(TEAM_A), begin(TEAM_A)]
  t.equal(await Promise.race(answers(others)), 429)
  const third = await send([], TEAM_B)
  t.match([third.statusCode, third.headers], [503, { 'retry-after': /^\d+$/ }])
  for (const { one } of [...all, ...others]) one.end()
  t.same((await Promise.all(answers([...all, ...others]))).toSorted(), [200, 200, 429, 429])
  t.equal((await send([line(Date.now())], TEAM_B)).statusCode, 200)
})

t.test('what is not stored is on no hold', async (t) => {
  const { restore, held, ask } = await restoring(t, { QUOTA_STORAGE_BYTES: '100' })
  const surrogate = JSON.stringify(line(Date.now(), { report: { status: {}, raw: 'RAW' } })).replace('RAW', '\\ud800')
  const large = line(Date.now(), { report: { status: {}, raw: 'x'.repeat(100) } })
  const shapeless = line(Date.now(), { report: { status: 3 } })
  const good = line(Date.now())
  const answer = await restore([surrogate, large, shapeless, good, good])
  t.match(answer, { restored: 1, duplicate: 1, refused: [{ index: 0 }, { index: 1 }, { index: 2 }] })
  t.equal(await held(), 1)
  t.match((await ask(`/reports/${good.id}`)).json(), { hold: { reason: 'restored from an archive' } })
})

t.test('what a line has beside the report is within the limits of a report that comes', async (t) => {
  const { restore } = await restoring(t)
  const now = Date.now()
  const names = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`label${n}`, 'x']))
  const good = [
    line(now, { policyVersion: 'x'.repeat(255), schemaName: 'qc-report' }),
    line(now, { labels: { ok: 'x'.repeat(64), ...names(63) } }),
    line(now, { policyVersion: 'a\u0000b', labels: { ok: '\u0000' } }),
  ]
  t.match(await restore(good), { restored: good.length, refused: [] })
  const bad = [
    line(now, { policyVersion: 'x'.repeat(256) }),
    line(now, { policyVersion: 'x'.repeat(500_000) }),
    line(now, { policyVersion: '\ud800' }),
    line(now, { schemaName: 'x'.repeat(65) }),
    line(now, { schemaName: 'No Schema' }),
    line(now, { labels: { ok: 'x'.repeat(65) } }),
    line(now, { labels: { ok: { deep: true } } }),
    line(now, { labels: { ['x'.repeat(256)]: 'x' } }),
    line(now, { labels: names(65) }),
    line(now, { state: 'quarantined', errors: [{ in: 'body', field: '', message: '\udfff' }] }),
    line(now, { ['x'.repeat(100_000)]: 1 }),
    'null',
    '[1]',
    '"text"',
  ]
  const answer = await restore(bad)
  t.same(
    answer.refused.map(({ index }) => index),
    bad.map((_, index) => index),
  )
  t.ok(answer.refused.every(({ message }) => message.length <= 500))
})
