import type { App } from '#shared/server.ts'
import type { Stores } from '../engine/engine.ts'
import { noSuchReport } from '../reports/representation.ts'
import type { StoredReport } from '../reports/store.ts'
import { changeOf, compare } from './compare.ts'
import { diffParams, diffSchema } from './schema.ts'

/** How bad a report is; one without a severity has nothing to be bad. */
const RANK = { none: 0, info: 0, warn: 1, block: 2 } as const

const shown = ({ id, createdAt, severity, policyVersion }: StoredReport) => ({
  id,
  createdAt,
  ...(severity === null ? {} : { severity }),
  ...(policyVersion === null ? {} : { policyVersion }),
})

/** Null is not there. */
const known = <T>(value: T | null): T | undefined => value ?? undefined

function diffOf(from: StoredReport, to: StoredReport) {
  const parsed = ({ report }: StoredReport) => JSON.parse(report) as Record<string, unknown>
  const { status, findings, summary } = compare(parsed(from), parsed(to))
  const found = (change: string) => findings.filter((finding) => finding.change === change).length
  const turned = (change: string) => status.filter((one) => one.change === change).length
  const hasNone = from.policyVersion === null && to.policyVersion === null
  return {
    from: shown(from),
    to: shown(to),
    severity: changeOf<keyof typeof RANK>(from.severity ?? 'none', to.severity ?? 'none', (severity) => RANK[severity]),
    policyVersion: hasNone ? 'same' : changeOf(known(from.policyVersion), known(to.policyVersion), () => undefined),
    status,
    findings,
    summary,
    counts: {
      new: found('new'),
      resolved: found('resolved'),
      still: found('still'),
      changed: found('changed'),
      better: turned('better'),
      worse: turned('worse'),
    },
  }
}

export const diffRoutes = (store: Stores['reports']) => async (app: App) => {
  app.get(
    '/reports/:id/diff/:other',
    {
      config: { versioned: true },
      schema: {
        tags: ['reports'],
        summary: 'What got better or worse from one report to another',
        params: diffParams,
        response: { 200: diffSchema },
      },
    },
    async (request) => {
      const { tenant } = request.caller
      const { id, other } = request.params
      const [from, to] = [await store.get(tenant, id), await store.get(tenant, other)]
      if (from === undefined || to === undefined) throw noSuchReport()
      return diffOf(from, to)
    },
  )
}
