/** What happened to requests of one sort: how many, how many badly, and how long they took. */
export interface Traffic {
  requests: number
  /** Answered with 5xx, or of ingest: reports that were refused or failed. */
  errors: number
  /** Requests by the number of the bucket of their duration. */
  durations: Record<number, number>
}

/** What a process counted in the time between two looks at the rules, and how it was at the end of it. */
export interface Sample {
  requests: Traffic
  ingest: Traffic
  /** How full the writer's queue was at most, 0 to 1. */
  queue: number
  /** How much of the disk is free, 0 to 1. */
  diskFree: number | null
  /** What quotas refused, by `tenant quota`. */
  limited: Record<string, number>
}

/** Four buckets to a doubling: a duration is known to a fifth. */
const PER_DOUBLING = 4

/** Number of the bucket of a duration in milliseconds. */
export const bucketOf = (ms: number): number => Math.ceil(Math.log2(Math.max(ms, 0.01)) * PER_DOUBLING)

/** Upper bound of a bucket, in milliseconds. */
const boundOf = (bucket: number): number => 2 ** (bucket / PER_DOUBLING)

export const noTraffic = (): Traffic => ({ requests: 0, errors: 0, durations: {} })

export function sumOf(all: readonly Traffic[]): Traffic {
  const sum = noTraffic()
  for (const { requests, errors, durations } of all) {
    sum.requests += requests
    sum.errors += errors
    for (const [bucket, count] of Object.entries(durations)) {
      sum.durations[Number(bucket)] = (sum.durations[Number(bucket)] ?? 0) + count
    }
  }
  return sum
}

/** The duration in milliseconds that so many (0 to 1) of them do not exceed, a fifth too high at most; 0 of none. */
export function quantileOf({ durations }: Traffic, share: number): number {
  const counts = Object.entries(durations)
    .map(([bucket, count]) => [Number(bucket), count] as const)
    .sort(([a], [b]) => a - b)
  const wanted = Math.ceil(counts.reduce((sum, [, count]) => sum + count, 0) * share)
  let seen = 0
  for (const [bucket, count] of counts) {
    seen += count
    if (seen >= wanted) return boundOf(bucket)
  }
  return 0
}
