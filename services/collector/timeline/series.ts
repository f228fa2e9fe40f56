import { OTHER } from '../rollups/series-tally.ts'
import { fill, type Bucket, type Range } from './window.ts'

export interface NamedBucket extends Bucket {
  /** '' is everything that was counted in common. */
  name: string
}

type Counts = Omit<Bucket, 'time'>

/** One rule, or one policy version, in all buckets of a window. */
export interface NamedSeries extends Counts {
  name: string
  buckets: Bucket[]
}

const none = (): Counts => ({ info: 0, warn: 0, block: 0 })

function add(to: Counts, { info, warn, block }: Counts): void {
  to.info += info
  to.warn += warn
  to.block += block
}

/** Buckets of the same name and time as one. */
export function merged(buckets: readonly NamedBucket[]): NamedBucket[] {
  const found = new Map<string, NamedBucket>()
  for (const bucket of buckets) {
    const key = `${bucket.time} ${bucket.name}`
    const known = found.get(key)
    if (known === undefined) found.set(key, { ...bucket })
    else add(known, bucket)
  }
  return [...found.values()]
}

/**
 * The names of which most was blocked, then warned, then told; the others together, with what had been counted in common.
 * @param top how many are shown apart
 */
export function seriesOf(found: readonly NamedBucket[], range: Range, top: number) {
  const totals = new Map<string, Counts>()
  for (const bucket of found) {
    const total = totals.get(bucket.name) ?? none()
    totals.set(bucket.name, total)
    add(total, bucket)
  }
  const inCommon = totals.delete(OTHER)
  const order = [...totals].sort(
    ([name, one], [otherName, other]) =>
      other.block - one.block || other.warn - one.warn || other.info - one.info || (name < otherName ? -1 : 1),
  )
  const shown = new Set(order.slice(0, top).map(([name]) => name))
  const byName = Map.groupBy(found, ({ name }) => (shown.has(name) ? name : OTHER))
  const rest = merged((byName.get(OTHER) ?? []).map((bucket) => ({ ...bucket, name: OTHER })))
  const restTotal = none()
  for (const bucket of rest) add(restTotal, bucket)
  return {
    series: [...shown].map((name): NamedSeries => ({
      name,
      ...(totals.get(name) as Counts),
      buckets: fill(range, byName.get(name) ?? []),
    })),
    other: { ...restTotal, names: order.length - shown.size, incomplete: inCommon, buckets: fill(range, rest) },
  }
}
