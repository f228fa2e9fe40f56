import { DEFAULT_TENANT } from '#shared/caller.ts'
import t from 'tap'
import type { Alert } from './alert.ts'
import { born, planOf, type Evaluation } from './plan.ts'
import type { Rule } from './rules/schema.ts'

const RULE: Rule = {
  ...{ name: 'quota', kind: 'rate_limited', window: '15m', count: 1, level: 'info', labels: {} },
  ...{ for: '0s', keepFiringFor: '5m' },
}
const CONFIG = {
  ALERTS_ACTIVE_MAX: 500,
  ALERT_GROUP_WAIT_S: 0,
  ALERT_GROUP_INTERVAL_S: 0,
  ALERT_REPEAT_INTERVAL_S: 60,
  ALERT_GIVE_UP_HOURS: 1,
}
const MINUTE_MS = 60_000

/** What becomes of an alert of the rule when nothing is said of its labels any more, minute by minute. */
function unspoken(rules: Evaluation['rules'], minutes: number) {
  const reading = { rule: RULE, labels: { quota: 'reportsPerDay' }, isOver: true, facts: {} }
  let alert: Alert = { ...born(DEFAULT_TENANT, reading, 0), state: 'firing', firedAt: 0 }
  for (let minute = 1; minute <= minutes; minute++) {
    const snapshot = { alerts: [alert], channels: [], silences: [], open: [] }
    const evaluation = { readings: [], rules, unknown: [] }
    const [next = alert] = planOf(DEFAULT_TENANT, snapshot, evaluation, minute * MINUTE_MS, CONFIG).alerts
    alert = next
  }
  return alert
}

t.test('an alert of whose labels nothing is said any more is over when its rule has waited', async (t) => {
  t.match(unspoken([RULE], 1), { state: 'firing', overAt: MINUTE_MS })
  t.match(unspoken([RULE], 5), { state: 'firing', overAt: MINUTE_MS })
  t.match(unspoken([RULE], 6), { state: 'resolved', resolvedAt: 6 * MINUTE_MS })
  t.match(unspoken([{ ...RULE, keepFiringFor: '0s' }], 2), { state: 'resolved' }, 'once might be a gap')
  t.match(unspoken([], 1), { state: 'resolved' }, 'its rule is gone')
})
