import { Counter, Gauge, type Registry } from 'prom-client'
import type { RunState } from './store.ts'

export type RetentionMetrics = ReturnType<typeof createRetentionMetrics>

const ENDS = ['done', 'failed', 'interrupted'] as const satisfies readonly RunState[]
const MS_PER_S = 1000

export function createRetentionMetrics(registers: Registry[]) {
  const runs = new Counter({
    name: 'collector_retention_runs_total',
    help: 'Retention runs, by how they ended',
    labelNames: ['state'],
    registers,
  })
  for (const state of ENDS) runs.inc({ state }, 0)
  const success = new Gauge({
    name: 'collector_retention_last_success_timestamp_seconds',
    help: 'When a retention run of any tenant was done last; 0 for never since the start',
    registers,
  })
  return {
    deleted: new Counter({
      name: 'collector_retention_deleted_reports_total',
      help: 'Reports deleted by retention runs',
      registers,
    }),
    archivedBytes: new Counter({
      name: 'collector_retention_archived_bytes_total',
      help: 'Size of the archives made by retention runs, in bytes',
      registers,
    }),
    /** @param at milliseconds since 1970 */
    ended(state: RunState, at: number): void {
      runs.inc({ state })
      if (state === 'done') success.set(at / MS_PER_S)
    },
  }
}
