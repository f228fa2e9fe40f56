import { Counter, type Registry } from 'prom-client'

export type AlertMetrics = ReturnType<typeof createAlertMetrics>

/** The alerts' own numbers; none names a tenant. */
export function createAlertMetrics(registers: Registry[]) {
  return {
    notifications: new Counter({
      name: 'collector_alert_notifications_total',
      help: 'Tries to send notifications, by what became of them',
      labelNames: ['kind', 'result'],
      registers,
    }),
    failures: new Counter({
      name: 'collector_alert_evaluation_failures_total',
      help: 'Rules that could not be looked at',
      registers,
    }),
    leftOut: new Counter({
      name: 'collector_alerts_left_out_total',
      help: 'Alerts that found no room below ALERTS_ACTIVE_MAX, each counted at every look',
      registers,
    }),
  }
}
