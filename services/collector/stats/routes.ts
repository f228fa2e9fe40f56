import type { Tenant } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { Stores } from '../engine/engine.ts'
import { BUCKET_MS } from '../rollups/series-tally.ts'
import type { Standings } from '../tenants/standings.ts'
import type { UsageDay } from '../tenants/usage.ts'
import { seriesOf } from '../timeline/series.ts'
import { rangeOf } from '../timeline/window.ts'
import { statsSchema } from './schema.ts'

const MINUTE_MS = 60_000
const DAY_MS = BUCKET_MS['1d']
const WEEK_DAYS = 7
const TOP = 10
const WEEK_H = 168

function came(days: readonly UsageDay[]) {
  const refused: Record<string, number> = {}
  const sums = { reports: 0, quarantined: 0, bytes: 0, duplicates: 0, rejected: 0 }
  for (const day of days) {
    for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += day[name]
    for (const [reason, count] of Object.entries(day.refused)) refused[reason] = (refused[reason] ?? 0) + count
  }
  return { ...sums, refused }
}

type Needed = Pick<Stores, 'stats' | 'reports' | 'timeline' | 'usage'>

/** Numbers of a tenant; times are those of the minute that has begun, so that an answer is good until the next. */
export const statsRoutes =
  ({ stats, reports, timeline, usage }: Needed, standings: Standings) =>
  async (app: App) => {
    async function reportsOf(tenant: Tenant, now: number) {
      const numbers = await stats.reports(tenant)
      const one = { limit: 1, offset: 0 } as const
      const since = async (time: number) =>
        (await reports.list(tenant, { since: time }, { ...one, sort: '-createdAt' })).totalCount
      const end = async (sort: 'createdAt' | '-createdAt') =>
        (await reports.list(tenant, {}, { ...one, sort })).reports[0]
      const [oldest, newest] = [await end('createdAt'), await end('-createdAt')]
      return {
        total: numbers.byState.stored + numbers.byState.quarantined,
        ...numbers,
        today: await since(Math.floor(now / DAY_MS) * DAY_MS),
        last24h: await since(now - DAY_MS),
        last7d: await since(now - WEEK_DAYS * DAY_MS),
        ...(oldest === undefined ? {} : { oldest: oldest.createdAt }),
        ...(newest === undefined ? {} : { newest: newest.createdAt }),
      }
    }

    async function topRules(tenant: Tenant, now: number) {
      const range = rangeOf('1d', WEEK_H, now)
      const { series } = seriesOf(await timeline.by(tenant, 'rule', range), range, TOP)
      return series.map(({ name, info, warn, block }) => ({ name, info, warn, block }))
    }

    app.get(
      '/stats',
      {
        config: { versioned: () => String(Math.floor(Date.now() / MINUTE_MS)) },
        schema: { tags: ['reports'], summary: 'Numbers of the tenant', response: { 200: statsSchema } },
      },
      async (request) => {
        const { tenant } = request.caller
        const now = Math.floor(Date.now() / MINUTE_MS) * MINUTE_MS
        const { targets, ...findings } = await stats.findings(tenant, now)
        const { storedReports, storedBytes } = await standings.of(tenant)
        const firstDay = (Math.floor(now / DAY_MS) - WEEK_DAYS + 1) * DAY_MS
        return {
          reports: await reportsOf(tenant, now),
          findings,
          top: { rules: await topRules(tenant, now), targets },
          storage: { reports: storedReports, bytes: storedBytes },
          ingest: came(await usage.days(tenant, firstDay)),
        }
      },
    )
  }
