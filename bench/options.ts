import { parseArgs } from 'node:util'

export const CASES = ['proxy', 'upload', 'services', 'path', 'identity', 'collector', 'start'] as const
export type CaseName = (typeof CASES)[number]

export interface Options {
  only: CaseName[]
  rounds: number
  /** Seconds of load in a round. */
  duration: number
  /** Requests that warm a process up before it is measured. */
  warmup: number
  /** Reports that the collector has stored before it is measured. */
  reports: number
}

export const USAGE = `Usage: npm run bench -- [--only ${CASES.join('|')}] [--rounds N] [--duration S] [--warmup REQUESTS] [--reports N]
--only may be given several times. Without it everything is measured and the results are written to bench/results/.`

function whole(name: string, value: string, min: number, max: number): number {
  const number = Number(value)
  if (!Number.isInteger(number) || number < min || number > max) {
    throw new RangeError(`--${name} must be a whole number from ${min} to ${max}, not ${value}`)
  }
  return number
}

/** @throws TypeError or RangeError with one sentence about the wrong option */
export function parseOptions(argv: string[]): Options {
  const { values } = parseArgs({
    args: argv,
    options: {
      only: { type: 'string', multiple: true, default: [] },
      rounds: { type: 'string', default: '3' },
      duration: { type: 'string', default: '3' },
      warmup: { type: 'string', default: '20000' },
      reports: { type: 'string', default: '1000000' },
    },
  })
  const unknown = values.only.find((name) => !CASES.includes(name as CaseName))
  if (unknown !== undefined) throw new RangeError(`--only must be one of ${CASES.join(', ')}, not ${unknown}`)
  return {
    only: values.only.length === 0 ? [...CASES] : (values.only as CaseName[]),
    rounds: whole('rounds', values.rounds, 1, 100),
    duration: whole('duration', values.duration, 1, 600),
    warmup: whole('warmup', values.warmup, 0, 10_000_000),
    reports: whole('reports', values.reports, 100, 10_000_000),
  }
}
