import { Gauge, type Registry } from 'prom-client'

/** The calendar's own numbers; how often what is changed is already in the request histogram, by method and route. */
export function registerCalendarMetrics(registry: Registry, pendingWrites: () => number): void {
  new Gauge({
    name: 'calendar_writes_pending',
    help: 'Writes that wait for the disk',
    registers: [registry],
    collect() {
      this.set(pendingWrites())
    },
  })
}
