/** An instant as ISO 8601 in UTC with milliseconds. @param at milliseconds since 1970; now without it */
export const timestamp = (at: number = Date.now()): string =>
  Temporal.Instant.fromEpochMilliseconds(at).toString({ smallestUnit: 'millisecond' })
