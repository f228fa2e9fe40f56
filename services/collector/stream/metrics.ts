import { Counter, Gauge, type Registry } from 'prom-client'

/** @param open how many streams there are */
export function createStreamMetrics(registers: Registry[], open: () => number) {
  new Gauge({
    name: 'collector_streams_open',
    help: 'Open event streams',
    registers,
    collect() {
      this.set(open())
    },
  })
  return {
    dropped: new Counter({
      name: 'collector_streams_dropped_total',
      help: 'Event streams that were ended because their reader took nothing',
      registers,
    }),
  }
}
