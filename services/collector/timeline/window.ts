import { BUCKET_MS, FINE_MS, type BucketSize } from '../rollups/series-tally.ts'

/** Reports of one bucket, each counted once, in its severity; a report that says none counts as info. */
export interface Bucket {
  /** Begin of the bucket (UTC), milliseconds since 1970. */
  time: number
  info: number
  warn: number
  block: number
}

/** Buckets between two of them, inclusive; in milliseconds. */
export interface Range {
  size: number
  first: number
  last: number
}

const HOUR_MS = BUCKET_MS['1h']
/** Up to so many hours a bucket of this size is fitting; without a number, beyond. */
const FITTING: readonly (readonly [BucketSize, number])[] = [
  ['5m', 2],
  ['1h', 168],
]

export const fittingBucket = (hours: number): BucketSize => FITTING.find(([, most]) => hours <= most)?.[0] ?? '1d'

/** Whether there are buckets of this size for the whole window: those of 5 minutes are kept for two days. */
export const isKept = (size: BucketSize, hours: number): boolean => size !== '5m' || hours * HOUR_MS <= FINE_MS

/**
 * The bucket that `now` is in, and those before it as far as the window goes, so that every report of the last `hours` hours
 * is counted.
 */
export function rangeOf(size: BucketSize, hours: number, now: number): Range {
  const ms = BUCKET_MS[size]
  return {
    size: ms,
    first: Math.floor((now - hours * HOUR_MS) / ms) * ms,
    last: Math.floor(now / ms) * ms,
  }
}

export const bucketsIn = ({ size, first, last }: Range): number => (last - first) / size + 1

/** All buckets of a range, those too in which there was nothing. */
export function fill(range: Range, buckets: readonly Bucket[]): Bucket[] {
  const all = Array.from({ length: bucketsIn(range) }, (_, index) => {
    return { time: range.first + index * range.size, info: 0, warn: 0, block: 0 }
  })
  for (const { time, info, warn, block } of buckets)
    all[(time - range.first) / range.size] = { time, info, warn, block }
  return all
}
