/** This instant as ISO 8601 in UTC with milliseconds. */
export const timestamp = (): string => Temporal.Now.instant().toString({ smallestUnit: 'millisecond' })
