import { invalidField } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { CollectorConfig } from '../config.ts'
import type { Stores } from '../engine/engine.ts'
import { BUCKET_MS, OTHER, type BucketSize } from '../rollups/series-tally.ts'
import { timelineQuery, timelineSchema, type TimelineQuery } from './schema.ts'
import { seriesOf } from './series.ts'
import { bucketsIn, fill, fittingBucket, isKept, rangeOf } from './window.ts'

const HOUR_MS = BUCKET_MS['1h']

function sizeOf({ window_h: hours, bucket = '1h' }: TimelineQuery): BucketSize {
  const size = bucket === 'auto' ? fittingBucket(hours) : bucket
  if (isKept(size, hours)) return size
  throw invalidField('querystring', 'bucket', 'is 5m for the last 48 hours only')
}

export const timelineRoutes = (store: Stores['timeline'], config: CollectorConfig) => async (app: App) => {
  app.get(
    '/timeline',
    {
      config: {
        // The last bucket is the one of now: an answer is another one when the next has begun.
        versioned: ({ query }) =>
          String(Math.floor(Date.now() / ('bucket' in (query as object) ? BUCKET_MS['5m'] : HOUR_MS))),
      },
      schema: {
        tags: ['timeline'],
        summary: 'Reports by time (UTC) and severity',
        description:
          'Every bucket of the window is there, oldest first, the last one still under way. Of a rule, or by rules, a report ' +
          'counts in the worst that the rule said in it.',
        querystring: timelineQuery(config),
        response: { 200: timelineSchema },
      },
    },
    async (request) => {
      const { tenant } = request.caller
      const { window_h, bucket, rule, policy_version, by, top } = request.query
      const size = sizeOf(request.query)
      const range = rangeOf(size, window_h, Date.now())
      const asked = { window_h, ...(bucket === undefined ? {} : { bucket: size }) }
      if (by !== undefined) {
        if (bucketsIn(range) > config.TIMELINE_BUCKETS_MAX) {
          throw invalidField(
            'querystring',
            'bucket',
            `must be larger: by name there are ${config.TIMELINE_BUCKETS_MAX} at most`,
          )
        }
        return { ...asked, by, ...seriesOf(await store.by(tenant, by, range), range, top) }
      }
      if (rule === undefined && policy_version === undefined) {
        return { ...asked, buckets: fill(range, await store.totals(tenant, range)) }
      }
      const [dimension, name] =
        rule === undefined ? (['policy_version', policy_version ?? ''] as const) : (['rule', rule] as const)
      const found = await store.named(tenant, dimension, name, range)
      return {
        ...asked,
        [dimension]: name,
        incomplete: found.some((one) => one.name === OTHER),
        buckets: fill(
          range,
          found.filter((one) => one.name === name),
        ),
      }
    },
  )
}
