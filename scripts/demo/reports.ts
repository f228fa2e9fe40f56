import type { Api } from './api.ts'

/** What the demo's reports are known by. */
const POLICY_VERSION = 'demo-2026.11'
const PAGE = 100
const COUNT = 24

interface Reports {
  reports: { id: string }[]
  pagination: { totalCount: number }
}

const RULES = [
  ['api.latency.p95', '/api/calendar/events', 'p95 is 180 ms, the budget is 250 ms'],
  ['lighthouse.performance', '홈 화면', '성능 점수 78점, 기준은 85점'],
  ['holidays.coverage', '2027', '설날 연휴가 공휴일 목록에 없습니다'],
  ['ics.export', 'calendar.ics', 'VTIMEZONE is missing for Asia/Seoul'],
] as const

function report(index: number) {
  const findings = RULES.slice(0, index % 5 === 0 ? 0 : (index % RULES.length) + 1)
  const severityOf = (position: number) => (position === 3 ? 'block' : position === 0 ? 'info' : 'warn')
  return {
    status: {
      api: findings.length > 2 ? 'warn' : 'pass',
      jwks: 'pass',
      holidays: findings.length > 3 ? 'fail' : 'pass',
      observability: 'pass',
      ics: findings.length > 3 ? 'fail' : 'pass',
      lighthouse: findings.length > 1 ? 'warn' : 'na',
    },
    diff: { summary: [{ id: 'api', trend: index % 2 === 0 ? 'up' : 'flat', deltaPct: (index % 7) - 3 }] },
    policy: {
      policy_version: POLICY_VERSION,
      evaluations: findings.map(([rule_id, target, message], position) => {
        const severity = severityOf(position)
        return { rule_id, target, verdict: severity === 'info' ? 'pass' : severity, severity, message }
      }),
    },
    notes: [`빌드 ${1200 + index}: 야간 점검`],
  }
}

const list = (api: Api) => api.get<Reports>(`/reports?policy_version=${POLICY_VERSION}&limit=${PAGE}`)

export async function addReports(api: Api): Promise<string> {
  if ((await list(api)).pagination.totalCount > 0) return '0 reports added'
  for (let index = 0; index < COUNT; index++) await api.add('/ingest/qc', report(index))
  return `${COUNT} reports added`
}

export async function removeReports(api: Api): Promise<string> {
  const { reports } = await list(api)
  for (const { id } of reports) await api.remove(`/reports/${id}`)
  return `${reports.length} reports removed`
}
