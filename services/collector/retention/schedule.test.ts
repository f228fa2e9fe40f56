import t from 'tap'
import { until } from '#shared/test/until.ts'
import { collector, TEAM_A } from '../test/collector.ts'
import { DAY_MS } from './test/retaining.ts'

interface Runs {
  runs: { state: string; requestedBy: string; deleted: number; startedAt: number }[]
}

t.test('on schedule every tenant has its run, again and again', async (t) => {
  const { ask, ingestAt } = await collector(t, { RETENTION_SCHEDULE: '1s' })
  const old = () => Date.now() - 40 * DAY_MS
  const runsOf = async (headers?: Record<string, string>) =>
    (await ask('/admin/retention/runs', headers === undefined ? {} : { headers })).json<Runs>().runs
  await ingestAt(old())
  await ingestAt(old(), { status: {} }, 'teamA')
  const deleted = async (headers?: Record<string, string>) =>
    (await runsOf(headers)).reduce((sum, run) => sum + run.deleted, 0) === 1
  await until('the run of default', async () => deleted())
  await until('the run of teamA', async () => deleted(TEAM_A))
  await until('the next ones', async () => (await runsOf()).filter(({ state }) => state === 'done').length >= 2)
  const runs = await runsOf()
  t.ok(runs.every(({ requestedBy }) => requestedBy === 'schedule'))
  t.ok(runs.every(({ startedAt }, n) => n === 0 || (runs[n - 1]?.startedAt ?? 0) - startedAt >= 1000))
  t.match((await ask('/admin/retention')).json(), { schedule: '1s', nextRunAt: Number })
})

t.test(
  'a run that was due while the service was stopped is made up for; without a schedule there is none',
  async (t) => {
    const first = await collector(t, { RETENTION_SCHEDULE: '1s' })
    await first.ingestAt(Date.now() - 40 * DAY_MS)
    const history = async ({ ask }: typeof first) => (await ask('/admin/retention/runs')).json<Runs>().runs
    await until('a run', async () => (await history(first))[0]?.state === 'done')
    await first.close()
    const [last] = await first.sql<{ at: number }>('SELECT max(startedAt) AS at FROM retention_runs')

    const off = await collector(t, { RETENTION_SCHEDULE: 'off', DATA_DIR: first.dataDir })
    t.notOk('nextRunAt' in (await off.ask('/admin/retention')).json<object>())
    await off.close()

    const again = await collector(t, { RETENTION_SCHEDULE: '1s', DATA_DIR: first.dataDir })
    await until('another run', async () => (await history(again)).some(({ startedAt }) => startedAt > Number(last?.at)))
    t.pass()
  },
)
