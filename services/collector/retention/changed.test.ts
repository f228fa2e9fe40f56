import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { archiveNext } from './archive-reports.ts'
import { DAY_MS, retaining } from './test/retaining.ts'

const TENANT = asTenant('default')

t.test('a report that changed, got a hold or went after it was archived is left alone', async (t) => {
  const { ask, ingestOld, config, stores, writer, sql, signer } = await retaining(t)
  const [same, held, fits, gone] = [
    await ingestOld(40),
    await ingestOld(40),
    await ingestOld(40, { status: {}, policy: 1 }),
    await ingestOld(40),
  ]
  const archived = await archiveNext([-1, -1], {
    store: stores.retention,
    dataDir: config.DATA_DIR,
    tenantId: TENANT,
    cutoffTime: Date.now() - 30 * DAY_MS,
    label: 'test',
    now: Date.now(),
    maxBytes: 1e6,
    signer,
    signal: new AbortController().signal,
  })
  const { expendable = [], manifest } = archived ?? {}
  t.equal(manifest?.reports, 4)
  t.same(expendable.map(([id]) => id).toSorted(), [same, held, fits, gone].toSorted())

  await ask(`/reports/${held}/hold`, { method: 'PUT', payload: { reason: 'r' } })
  await ask('/schemas/qc-report', { method: 'PUT', payload: true })
  await ask(`/reports/${gone}`, { method: 'DELETE' })
  const widened = await ask('/reports/replay', { method: 'POST' })
  t.equal(widened.json<{ moved: number }>().moved, 1)
  t.equal(await writer.run('removeUnchanged', TENANT, expendable), 1)
  const left = await sql<{ id: string }>('SELECT id FROM reports')
  t.same(left.map(({ id }) => id).toSorted(), [held, fits].toSorted())
})

t.test('what changes while an archive is being verified is not in what may go', async (t) => {
  const { ask, ingestOld, config, stores, signer } = await retaining(t)
  const id = await ingestOld(40)
  const other = await ingestOld(41)
  let pages = 0
  const archived = await archiveNext([-1, -1], {
    store: {
      ...stores.retention,
      // The same store, with somebody who puts a report on hold just before it is asked.
      byIds: async (tenant, ids) => {
        pages++
        await ask(`/reports/${id}/hold`, { method: 'PUT', payload: { reason: 'r' } })
        return stores.retention.byIds(tenant, ids)
      },
    },
    dataDir: config.DATA_DIR,
    tenantId: TENANT,
    cutoffTime: Date.now() - 30 * DAY_MS,
    label: 'test',
    now: Date.now(),
    maxBytes: 1e6,
    signer,
    signal: new AbortController().signal,
  })
  t.equal(pages, 1)
  t.same(
    archived?.expendable.map(([one]) => one),
    [other],
  )
})
