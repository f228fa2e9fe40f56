import type { FastifyRequest } from 'fastify'
import type { Stores } from '../engine/engine.ts'
import type { CollectorMetrics } from '../probes/metrics.ts'
import type { StoredReport } from '../reports/store.ts'
import type { Admission } from '../tenants/admission.ts'
import { refused } from '../tenants/guard.ts'
import type { Writer } from '../writer/queue.ts'
import type { Purpose } from './schema.ts'

interface OpeningParts {
  reports: Stores['reports']
  tokens: Stores['tokens']
  writer: Pick<Writer, 'run'>
  metrics: CollectorMetrics
  admission: Pick<Admission, 'requireActive'>
}

export interface Opened {
  report: StoredReport
  /**
   * To be called before the first byte goes out. A link for one use is used then, whatever the client gets of the answer: who
   * got half of it may have got what matters. Of two at once one is refused.
   */
  use(): Promise<void>
}

export type Opening = ReturnType<typeof createOpening>

/** What a link opens, for whoever has it. */
export function createOpening({ reports, tokens, writer, metrics, admission }: OpeningParts) {
  const badToken = (request: FastifyRequest) => refused(request, metrics, 'bad_token', 'Invalid or expired token')
  return {
    /** @throws Problem 401 without a token; 403 for one that is bad, over, of another report or purpose, or of another tenant */
    async byLink(request: FastifyRequest, id: string, token: string, purpose: Purpose): Promise<Opened> {
      // Whoever tries a report's link appears in the audit log of the report's owner.
      request.auditTenant = (await reports.ownerOf(id)) ?? ''
      if (token === '') throw refused(request, metrics, 'missing_token', 'Missing token')
      const link = await tokens.find(token, id, purpose, Date.now())
      const { 'x-tenant': named = link?.tenantId } = request.headers
      const report = link === undefined || named !== link.tenantId ? undefined : await reports.get(link.tenantId, id)
      if (link === undefined || report === undefined) throw badToken(request)
      await admission.requireActive({ tenant: link.tenantId, roles: [] })
      return {
        report,
        async use() {
          if (!link.singleUse || request.method === 'HEAD') return
          if (!(await writer.run('useToken', link.tenantId, link.id, Date.now()))) throw badToken(request)
        },
      }
    },
  }
}
