import fc from 'fast-check'
import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { linesOf, retaining, DAY_MS } from './test/retaining.ts'

const TENANT = asTenant('default')

t.test(
  'whatever comes, is held, retained and restored: every report is in the database or in a verified archive',
  async (t) => {
    const { ask, ingestAt, sql, retention, setClock, archives, archived, writer } = await retaining(t, {
      RETENTION_CHUNK: '2',
      RETENTION_GRACE_DAYS: '5',
      RETENTION_ARCHIVE_MAX_BYTES: '1024',
    })
    const held = new Set<string>()
    let now = Date.now()
    const came = fc.record({ came: fc.integer({ min: 0, max: 60 }), fits: fc.boolean() })
    const hold = fc.record({ hold: fc.nat(), on: fc.boolean() })
    const run = fc.record({ days: fc.integer({ min: 0, max: 40 }), early: fc.boolean() })
    const restore = fc.record({ restore: fc.nat() })
    const replay = fc.constant({ replay: true })
    const rows = () => sql<{ id: string; q: number }>('SELECT id, quarantined AS q FROM reports')
    const all = new Set<string>()

    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(came, came, hold, run, restore, replay), { maxLength: 12 }), async (steps) => {
        for (const step of steps) {
          if ('came' in step) {
            const payload = { status: {}, raw: 'x'.repeat(300), ...(step.fits ? {} : { policy: 1 }) }
            all.add(await ingestAt(now - step.came * DAY_MS, payload))
          } else if ('hold' in step) {
            const there = await rows()
            const id = there[step.hold % there.length]?.id
            if (id === undefined) continue
            const method = step.on ? 'PUT' : 'DELETE'
            await ask(`/reports/${id}/hold`, { method, ...(step.on ? { payload: { reason: 'r' } } : {}) })
            if (step.on) held.add(id)
            else held.delete(id)
          } else if ('days' in step) {
            now += step.days * DAY_MS
            setClock(() => ({ now, uptime: now, boot: 'a' }))
            const begun = await retention.begin(TENANT, { requestedBy: 'me' })
            // Something changes while it runs.
            if (step.early) await writer.run('replayReports', TENANT, [-1, -1], 1000, now)
            await begun?.end
          } else if ('restore' in step) {
            const files = written()
            const file = files[step.restore % files.length]
            if (file === undefined) continue
            const lines = (await linesOf(file)).join('\n')
            const headers = { 'content-type': 'application/x-ndjson' }
            const answer = await ask('/admin/retention/restore', { method: 'POST', payload: lines, headers })
            t.match(answer.json(), { refused: [] })
          } else await writer.run('replayReports', TENANT, [-1, -1], 1000, now)
        }
        const there = new Set((await rows()).map(({ id }) => id))
        const kept = written().length === 0 ? new Map<string, object>() : await archived()
        t.same(
          [...all].filter((id) => !there.has(id) && !kept.has(id)),
          [],
          'nothing is lost',
        )
        t.same(
          [...held].filter((id) => !there.has(id)),
          [],
          'nothing on hold is gone',
        )
        t.same(
          [...there, ...kept.keys()].filter((id) => !all.has(id)),
          [],
          'nothing is there that never came',
        )
      }),
      { numRuns: 15 },
    )

    function written(): string[] {
      try {
        return archives()
      } catch {
        return []
      }
    }
  },
)
