import fc from 'fast-check'
import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import type { ItemOutcome } from '../ingest/item.ts'
import { newReportId } from '../ingest/report-id.ts'
import { collector, TEAM_A } from '../test/collector.ts'

const DAY_MS = 86_400_000
const TENANT = asTenant('teamA')

const page = fc.string({ unit: fc.constantFrom('a', '\u0000', '가', '😀', '"', '\\'), maxLength: 20 })
const report = fc.record({ status: fc.constant({}), raw: page, markdown: fc.option(page, { nil: null }) })
const odd = fc.constantFrom<unknown>({ status: {}, policy: 7 }, { nothing: 1 }, null)
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ send: fc.array(fc.oneof(report, odd), { minLength: 1, maxLength: 6 }) }) },
  { weight: 1, arbitrary: fc.record({ again: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.record({ restoreDaysAgo: fc.integer({ min: 1, max: 90 }) }) },
  { weight: 2, arbitrary: fc.record({ removeAt: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ retain: true }) },
  { weight: 1, arbitrary: fc.constant({ replay: true }) },
)

t.test('after any sequence of what may happen, usage is what a recount gives', async (t) => {
  const { ask, sql, writer } = await collector(t)
  const headers = TEAM_A
  let sent: unknown[] = []
  const came = { reports: 0, quarantined: 0, duplicates: 0, rejected: 0 }

  async function use() {
    const answer = await ask('/usage', { headers })
    return answer.json<{ stored: object; quotas: { storageBytes: { used: number } }; days: (typeof came)[] }>()
  }
  async function recount() {
    const [found] = await sql<{ n: number; b: number | null }>(
      `SELECT count(*) AS n, sum(octet_length(report) + coalesce(octet_length(markdown), 0)) AS b
       FROM reports WHERE tenantId = ?`,
      TENANT,
    )
    return { reports: Number(found?.n), bytes: Number(found?.b ?? 0) }
  }
  async function send(payload: unknown[]): Promise<void> {
    const answer = await ask('/ingest/qc/batch', { method: 'POST', payload, headers })
    const { counts } = answer.json<{ counts: Record<ItemOutcome['status'], number> }>()
    came.reports += counts.stored + counts.quarantined
    came.quarantined += counts.quarantined
    came.duplicates += counts.duplicate
    came.rejected += counts.rejected
  }
  async function restore(daysAgo: number): Promise<void> {
    const createdAt = Date.now() - daysAgo * DAY_MS
    const restored = { id: newReportId(createdAt), createdAt }
    const text = JSON.stringify({ status: {}, markdown: '돌아옴' })
    await writer.ingest([{ tenantId: TENANT, text, restored }])
    await writer.ingest([{ tenantId: TENANT, text, restored }])
  }
  async function remove(at: number): Promise<void> {
    const { reports } = (await ask('/reports?limit=21', { headers })).json<{ reports: { id: string }[] }>()
    const id = reports[at % Math.max(1, reports.length)]?.id
    if (id !== undefined) await ask(`/reports/${id}`, { method: 'DELETE', headers })
  }

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 10 }), async (steps) => {
      for (const one of steps) {
        if ('send' in one) await send((sent = one.send))
        else if ('again' in one) await send(sent)
        else if ('restoreDaysAgo' in one) await restore(one.restoreDaysAgo)
        else if ('removeAt' in one) await remove(one.removeAt)
        else if ('retain' in one) await ask('/admin/retention/run', { method: 'POST', headers })
        else await ask('/reports/replay', { method: 'POST', headers })
      }
      const [used, counted] = [await use(), await recount()]
      t.same(used.stored, counted)
      t.equal(used.quotas.storageBytes.used, counted.bytes)
      t.match(used.days[0] ?? came, came, 'what came is not what is there')
    }),
    { numRuns: 15 },
  )
  for (let left = await recount(); left.reports > 0; left = await recount()) await remove(0)
  t.same((await use()).stored, { reports: 0, bytes: 0 }, 'and nothing is left of what was deleted')
})
