import { invalidField } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { CollectorConfig } from '../../config.ts'
import type { Stores } from '../../engine/engine.ts'
import type { CollectorMetrics } from '../../probes/metrics.ts'
import type { BundleKeys } from '../keys/keys.ts'
import { pagesOf } from './pages.ts'
import { exportQuery } from './schema.ts'
import type { Slots } from '../../tenants/slots.ts'
import { linesOf, streamOf } from './stream.ts'
import { createTurns } from './turns.ts'
import { zipOf } from './zip.ts'

interface ExportParts {
  reports: Stores['reports']
  keys: BundleKeys
  slots: Slots
  config: CollectorConfig
  metrics: CollectorMetrics
}

const TYPES = { ndjson: 'application/x-ndjson', zip: 'application/zip' } as const

/** All reports of a time. When it fails in the middle the connection breaks, so that nobody takes a part for the whole. */
export const exportRoutes =
  ({ reports, keys, slots, config, metrics }: ExportParts) =>
  async (app: App) => {
    const turns = createTurns(config.EXPORTS_AT_WORK_MAX)
    app.get(
      '/export',
      {
        config: { etag: false },
        schema: {
          tags: ['exports'],
          summary: 'The reports of a time, oldest first, as NDJSON or as a signed zip',
          querystring: exportQuery,
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { format, lang: language, to = Date.now(), ...rest } = request.query
        const wanted = { ...rest, to }
        if (wanted.from > to) throw invalidField('querystring', 'from', 'must not be after to')
        reply
          .type(TYPES[format])
          .header('content-disposition', `attachment; filename="reports.${format}"`)
          .header('cache-control', 'private, no-store')
        // Fastify would make the whole answer and throw it away.
        if (request.method === 'HEAD') return reply.send()
        const signer = format === 'zip' ? await keys.signerFor(to) : undefined
        const release = slots.take(tenant)
        const pages = pagesOf(reports, tenant, wanted, config.EXPORT_PAGE)
        const options = { tenant, wanted, language, folderSize: config.EXPORT_FOLDER, dataDir: config.DATA_DIR }
        const groups = signer === undefined ? linesOf(pages) : zipOf(pages, { ...options, signer })
        metrics.exportsSent.inc({ format })
        return reply.send(streamOf(turns.of(tenant, groups), config).once('close', release))
      },
    )
  }
