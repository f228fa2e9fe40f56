import { Counter, Gauge, type Registry } from 'prom-client'

/** The diary's own numbers; how often what is changed is already in the request histogram, by method and route. */
export function registerDiaryMetrics(registry: Registry, pendingWrites: () => number) {
  new Gauge({
    name: 'diary_writes_pending',
    help: 'Writes that wait for the disk',
    registers: [registry],
    collect() {
      this.set(pendingWrites())
    },
  })
  const stored = new Counter({
    name: 'diary_image_stored_bytes_total',
    help: 'Bytes of the images that were stored, by type',
    labelNames: ['type'],
    registers: [registry],
  })
  return { imageStored: (type: string, bytes: number) => stored.inc({ type }, bytes) }
}
