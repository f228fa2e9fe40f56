import { Problem } from '#shared/problem.ts'
import type { Hold } from '../retention/holds/schema.ts'
import type { StoredReport } from './store.ts'

/** The same answer for a report that never was and for another tenant's. */
export const noSuchReport = () => new Problem('not-found', { detail: 'Report not found' })

/** A report's representation. Its text goes out as it is stored: nothing is parsed on the way. */
export const representation = (stored: StoredReport, hold?: Hold): string => {
  const { id, tenantId, report, markdown, createdAt, updatedAt, errors } = stored
  return (
    `{"id":${JSON.stringify(id)},"tenantId":${JSON.stringify(tenantId)},"report":${report},` +
    (markdown === null ? '' : `"markdown":${JSON.stringify(markdown)},`) +
    (errors === null ? '' : `"state":"quarantined","errors":${errors},`) +
    (hold === undefined ? '' : `"hold":${JSON.stringify(hold)},`) +
    `"createdAt":${createdAt},"updatedAt":${updatedAt}}`
  )
}
