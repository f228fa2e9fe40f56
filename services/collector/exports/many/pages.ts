import type { Tenant } from '#shared/scope.ts'
import { setImmediate as pause } from 'node:timers/promises'
import type { Stores } from '../../engine/engine.ts'
import type { ScannedReport } from '../../reports/store.ts'
import type { ExportQuery } from './schema.ts'

export interface Wanted extends Pick<ExportQuery, 'from' | 'severity' | 'state'> {
  to: number
}

/** Pages begin small and grow while the reports are: a page of the largest reports there can be is one report. */
const FIRST_PAGE = 4
const PAGE_BYTES = 262_144

const sizeOf = ({ report, markdown }: ScannedReport) => report.length + (markdown?.length ?? 0)

/**
 * The reports that are wanted, oldest first, a page at a time; other work is done between pages. What comes meanwhile and
 * belongs to them comes along, what is deleted meanwhile does not.
 */
export async function* pagesOf(
  reports: Pick<Stores['reports'], 'scan'>,
  tenant: Tenant,
  { from, to, severity, state }: Wanted,
  pageMax: number,
): AsyncGenerator<ScannedReport[]> {
  const isWanted = (report: ScannedReport) =>
    (severity === undefined || (report.severity ?? 'none') === severity) &&
    (state === undefined || (report.errors === null ? 'stored' : 'quarantined') === state)
  let limit = Math.min(FIRST_PAGE, pageMax)
  let after: [readonly [number, number]] | [] = []
  for (;;) {
    const page = await reports.scan(tenant, { since: from, until: to }, limit, ...after)
    const last = page.at(-1)
    if (last === undefined) return
    yield page.filter(isWanted)
    if (page.length < limit) return
    after = [[last.createdAt, last.seq]]
    const largest = Math.max(...page.map(sizeOf))
    limit = Math.max(1, Math.min(pageMax, limit * 2, Math.floor(PAGE_BYTES / largest)))
    await pause()
  }
}
