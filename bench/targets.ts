import { LARGE, SMALL, UPLOAD } from './cases/proxy.ts'
import { EXPRESS_PATH, OUR_PATH, PATH, POLLED_PATH } from './cases/path.ts'
import { EXPRESS_CALENDAR, LIST, ONE, POLLED, WRITE } from './cases/services.ts'
import {
  BATCH,
  BUSY,
  INGEST,
  ON_POSTGRES,
  ON_SQLITE,
  PAGE,
  TIMELINE,
  UNCHANGED,
  AGGREGATION,
  FLOOR,
} from './cases/collector.ts'
import { API_KEY, ASKING, BEARER, LOGIN, OPEN, SIGN_IN, type LoginFigures } from './cases/identity.ts'
import type { StartFigures } from './cases/start.ts'
import { UPLOAD_WAVE } from './cases/upload.ts'
import type { Figures } from './lab/rounds.ts'
import { EXPRESS, OURS } from './subjects/proxies.ts'

/** What one run has found. */
export interface Found {
  cases: Record<string, Figures[]>
  start?: StartFigures
  login?: LoginFigures
}

export interface Verdict {
  what: string
  /** Undefined when what it needs was not measured. */
  value: number | undefined
  max: number
  unit: string
}

type Value = (found: Found) => number | undefined

interface Target {
  what: string
  max: number
  unit: string
  value: Value
}

type Place = readonly [title: string, subject: string]

const figuresOf = ({ cases }: Found, [title, subject]: Place) => cases[title]?.find((row) => row.subject === subject)

/** CPU of one request at `place` as a multiple of that at `of`. */
const ratio =
  (place: Place, of: Place): Value =>
  (found) => {
    const [own, other] = [figuresOf(found, place)?.cpuUs, figuresOf(found, of)?.cpuUs]
    return own === undefined || other === undefined ? undefined : own / other
  }

/** CPU of one request at `place` beyond that at `of`, in microseconds. */
const beyond =
  (place: Place, of: Place): Value =>
  (found) => {
    const [own, other] = [figuresOf(found, place)?.cpuUs, figuresOf(found, of)?.cpuUs]
    return own === undefined || other === undefined ? undefined : own - other
  }

const US_PER_MS = 1000
const US_PER_S = 1_000_000

/** What the rows of a case are compared with in the report. */
const BASELINES: Record<string, Place> = {
  [SMALL]: [SMALL, 'nginx'],
  [LARGE]: [SMALL, 'nginx'],
  [UPLOAD]: [UPLOAD, 'nginx'],
  [LIST]: [LIST, EXPRESS_CALENDAR],
  [POLLED]: [POLLED, EXPRESS_CALENDAR],
  [ONE]: [ONE, EXPRESS_CALENDAR],
  [WRITE]: [WRITE, EXPRESS_CALENDAR],
  [PATH]: [PATH, EXPRESS_PATH],
  [POLLED_PATH]: [POLLED_PATH, EXPRESS_PATH],
  [ASKING]: [ASKING, OPEN],
  [INGEST]: [INGEST, FLOOR],
  [TIMELINE]: [TIMELINE, AGGREGATION],
}

export function baselineOf(found: Found, title: string): Figures | undefined {
  const place = BASELINES[title]
  return place === undefined ? undefined : figuresOf(found, place)
}

/** CPU of one request, in microseconds. */
const cpu =
  (place: Place): Value =>
  (found) =>
    figuresOf(found, place)?.cpuUs

/** The collector's figures, on one of its engines. */
const collectorTargets = (subject: string): Target[] => [
  { what: `${subject}: durable ingest of 1 KB`, max: 50, unit: 'µs', value: cpu([INGEST, subject]) },
  {
    what: `${subject}: from one ingest to the next (10,000/s)`,
    max: 100,
    unit: 'µs',
    value: (found) => {
      const row = figuresOf(found, [INGEST, subject])
      return row === undefined ? undefined : US_PER_S / row.perSecond
    },
  },
  { what: `${subject}: report of a batch of 10,000`, max: 25, unit: 'µs', value: cpu([BATCH, subject]) },
  { what: `${subject}: list of 20 of 1,000,000`, max: 150, unit: 'µs', value: cpu([PAGE, subject]) },
  { what: `${subject}: 304`, max: 30, unit: 'µs', value: cpu([UNCHANGED, subject]) },
  { what: `${subject}: timeline of 168 h of 1,000,000`, max: 200, unit: 'µs', value: cpu([TIMELINE, subject]) },
  {
    what: `${subject}: ingest during retention, a backup and a stream, p99`,
    max: 25,
    unit: 'ms',
    value: (found) => figuresOf(found, [BUSY, subject])?.p99Ms,
  },
  {
    what: `${subject}: peak RSS throughout`,
    max: 200,
    unit: 'MB',
    value: (found) => figuresOf(found, [BUSY, subject])?.rssMb,
  },
]

const size =
  (subject: string): Value =>
  (found) =>
    figuresOf(found, [UPLOAD_WAVE, subject])?.rssMb

const durable = (name: string): Target => ({
  what: `${name}: durable write / express calendar's write, not durable`,
  max: 0.25,
  unit: 'x',
  value: ratio([WRITE, name], [WRITE, EXPRESS_CALENDAR]),
})

/** Ratios are of CPU for one request, within one run. */
export const TARGETS: readonly Target[] = [
  { what: 'gateway, 300 bytes / nginx', max: 4.5, unit: 'x', value: ratio([SMALL, OURS], [SMALL, 'nginx']) },
  { what: 'gateway, 300 bytes / caddy', max: 0.7, unit: 'x', value: ratio([SMALL, OURS], [SMALL, 'caddy']) },
  { what: `gateway, 300 bytes / ${EXPRESS}`, max: 0.25, unit: 'x', value: ratio([SMALL, OURS], [SMALL, EXPRESS]) },
  { what: 'gateway, 50 KB / nginx, 300 bytes', max: 6, unit: 'x', value: ratio([LARGE, OURS], [SMALL, 'nginx']) },
  {
    what: 'whole path, list of 20 / the same in Express',
    max: 0.25,
    unit: 'x',
    value: ratio([PATH, OUR_PATH], [PATH, EXPRESS_PATH]),
  },
  durable('calendar'),
  durable('diary'),
  durable('collector'),
  { what: '20 uploads of 50 MB at once: gateway', max: 120, unit: 'MB', value: size('gateway') },
  { what: '20 uploads of 50 MB at once: diary', max: 150, unit: 'MB', value: size('diary') },
  {
    what: 'gateway, access token beyond open access',
    max: 15,
    unit: 'µs',
    value: beyond([ASKING, BEARER], [ASKING, OPEN]),
  },
  {
    what: 'gateway, API key beyond open access',
    max: 15,
    unit: 'µs',
    value: beyond([ASKING, API_KEY], [ASKING, OPEN]),
  },
  {
    what: 'CPU of one login (30 a second on one core)',
    max: 33.3,
    unit: 'ms',
    value: (found) => {
      const row = figuresOf(found, [LOGIN, SIGN_IN])
      return row === undefined ? undefined : row.cpuUs / US_PER_MS
    },
  },
  {
    what: "identity's event loop while people sign in, p99 delay",
    max: 50,
    unit: 'ms',
    value: ({ login }) => login?.loopP99Ms,
  },
  ...collectorTargets(ON_SQLITE),
  ...collectorTargets(ON_POSTGRES),
  { what: 'start to ready, all processes', max: 5, unit: 's', value: ({ start }) => start?.seconds },
  { what: 'resident size of all processes when ready', max: 400, unit: 'MB', value: ({ start }) => start?.rssMb },
]

export const judge = (found: Found): Verdict[] =>
  TARGETS.map(({ what, max, unit, value }) => ({ what, max, unit, value: value(found) }))
