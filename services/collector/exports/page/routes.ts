import { languageOf } from '#shared/language.ts'
import type { App } from '#shared/server.ts'
import type { Stores } from '../../engine/engine.ts'
import { noSuchReport } from '../../reports/representation.ts'
import { reportParams } from '../../reports/schema.ts'
import type { Admission } from '../../tenants/admission.ts'
import type { TenantGuard } from '../../tenants/guard.ts'
import type { Opening } from '../opening.ts'
import { pageQuery } from '../schema.ts'
import { PAGE_HEADERS, pageOf } from './html.ts'

/** The page about a report, for whoever has a link to it, or a credential. */
export const pageRoutes =
  (opening: Opening, reports: Stores['reports'], guard: TenantGuard, admission: Admission) => async (app: App) => {
    app.get(
      '/reports/:id/report.html',
      {
        config: { etag: false },
        schema: { tags: ['exports'], summary: 'The report as a page', params: reportParams, querystring: pageQuery },
      },
      async (request, reply) => {
        const { id } = request.params
        const { token } = request.query
        const language = languageOf(request.headers, request.query)
        reply.headers({ ...PAGE_HEADERS, 'content-language': language, vary: 'accept-language' })
        if (token !== '') {
          const { report, use } = await opening.byLink(request, id, token, 'html')
          await use()
          return pageOf(report, language, request.url)
        }
        guard(request, 'reports.export')
        await admission.requireActive(request.caller, 'reports.export')
        const report = await reports.get(request.caller.tenant, id)
        if (report === undefined) throw noSuchReport()
        return pageOf(report, language, request.url)
      },
    )
  }
