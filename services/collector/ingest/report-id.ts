import { randomInt } from 'node:crypto'

const SUFFIX_LENGTH = 9
const SUFFIXES = 36 ** SUFFIX_LENGTH

/** `report-<ms>-<9 base36>`; the random part cannot be guessed from other ids. */
export const newReportId = (ms: number): string =>
  `report-${ms}-${randomInt(SUFFIXES).toString(36).padStart(SUFFIX_LENGTH, '0')}`
