import { createSlots } from '../../tenants/slots.ts'
import type { ExportConfig } from '../settings.ts'

const RETRY_AFTER_S = 10

/** How many exports are under way: each reads the whole time that its client takes. */
export const createExportSlots = ({
  EXPORTS_MAX: max,
  EXPORTS_TENANT_MAX: tenantMax,
}: Pick<ExportConfig, 'EXPORTS_MAX' | 'EXPORTS_TENANT_MAX'>) =>
  createSlots({ what: 'exports', max, tenantMax, setting: 'EXPORTS_TENANT_MAX', retryAfterS: RETRY_AFTER_S })
