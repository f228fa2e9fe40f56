import type { Tenant } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { CollectorConfig } from '../config.ts'
import type { Stores } from '../engine/engine.ts'
import type { Admission } from './admission.ts'
import { DAY_MS, dayOf, limitsOf, QUOTA_NAMES, type QuotaName } from './quota.ts'
import { findTenant } from './routes.ts'
import { tenantParams, usageQuery, usageSchema } from './schema.ts'
import type { Standings } from './standings.ts'
import type { Tenants } from './tenants.ts'

interface UsageParts {
  stores: Pick<Stores, 'tenants' | 'usage'>
  tenants: Tenants
  standings: Standings
  admission: Admission
  config: CollectorConfig
}

/** What a tenant uses of its quotas, for itself and for those who run the system. */
export const usageRoutes =
  ({ stores, tenants, standings, admission, config }: UsageParts) =>
  async (app: App) => {
    const tags = ['tenants']

    async function usageOf(tenantId: Tenant, days: number) {
      const { gate, refusals } = admission
      await refusals.flush()
      const { state, quotas, day, ...use } = await standings.of(tenantId)
      const limits = limitsOf(quotas, config)
      const used: Record<QuotaName, number> = {
        reportsPerMinute: gate.usedThisMinute(tenantId),
        reportsPerDay: use.reports,
        bytesPerDay: use.bytes,
        storageBytes: use.storedBytes,
      }
      const shown = QUOTA_NAMES.map((name) => {
        const isLimited = limits[name] < Infinity
        const remaining = isLimited ? Math.max(0, limits[name] - used[name]) : null
        return [name, { limit: isLimited ? limits[name] : 0, used: used[name], remaining }]
      })
      return {
        tenantId,
        state,
        quotas: Object.fromEntries(shown) as Record<QuotaName, unknown>,
        resetsAt: day + DAY_MS,
        stored: { reports: use.storedReports, bytes: use.storedBytes },
        days: await stores.usage.days(tenantId, dayOf(Date.now()) - (days - 1) * DAY_MS),
      }
    }

    app.get(
      '/usage',
      {
        schema: {
          tags,
          summary: 'What the tenant uses of its quotas, and what was refused',
          querystring: usageQuery(config),
          response: { 200: usageSchema },
        },
      },
      (request) => usageOf(request.caller.tenant, request.query.days),
    )

    app.get(
      '/admin/tenants/:id/usage',
      {
        schema: {
          tags,
          summary: 'What a tenant uses of its quotas, and what was refused',
          params: tenantParams,
          querystring: usageQuery(config),
          response: { 200: usageSchema },
        },
      },
      async (request) => {
        const { id } = await findTenant({ store: stores.tenants, tenants }, request.params.id)
        return usageOf(id, request.query.days)
      },
    )
  }
