import { text } from './language.ts'

export type Severity = 'info' | 'warn' | 'block'

const VERDICTS = { info: 'pass', warn: 'warn', block: 'block' } as const
const STATUS = { info: 'pass', warn: 'warn', block: 'fail' } as const

/** A report as an app in the field sends it, of that severity. */
export function sampleReport(severity: Severity) {
  const now = new Date().toISOString()
  return {
    status: {
      api: STATUS[severity],
      jwks: 'pass',
      holidays: 'pass',
      observability: 'pass',
      ics: 'pass',
      lighthouse: 'na',
    },
    diff: { summary: [{ id: 'first-load', trend: severity === 'info' ? 'down' : 'up', deltaPct: 4.2 }] },
    policy: {
      policy_version: now.slice(0, 'YYYY-MM-DD'.length),
      created_at: now,
      evaluations: [
        {
          rule_id: 'example',
          target: 'api',
          verdict: VERDICTS[severity],
          severity,
          message: text('sampleMessage'),
        },
      ],
    },
    notes: [text('sampleMessage')],
  }
}
