import http from 'node:http'
import { keyHeaders, type ApiKey } from './access.ts'
import { ask, type AskOptions } from './ask.ts'
import { valueAt } from './fields.ts'

/** What a load run works on, apart from everybody's data; removed when the run ends. */
export interface Scratch {
  user: Record<string, string>
  tenant: Record<string, string>
  /** Query that selects the events that were there before the run. */
  month: string
  /** An event to be read. */
  eventId: string
  newEvent(): string
  newReport(): string
  /** Notes what a write of the run has made, from its answer. */
  adopt(body: string): void
  /** Removes everything; the answer counts what was made and what could not be removed. */
  remove(): Promise<{ made: number; left: number }>
}

/** Seeding failed: there is nothing to measure. */
export class ScratchError extends Error {
  readonly path: string
  readonly got: string
  constructor(path: string, got: string) {
    super(`POST ${path}: ${got}`)
    this.name = 'ScratchError'
    this.path = path
    this.got = got
  }
}

export const SCRATCH_USER = 'monitor-scratch'
/** Marks every event and diary entry of a load run; the sweep removes nothing without it. */
export const MARK = 'najimban load run'
/** Marks every report of a load run. */
const POLICY_VERSION = 'najimban-load-run'
const SEEDS = 20
const DIARY_SEEDS = 3
const PARALLEL = 8
/** Seeds and writes lie in different months, so that the list that is read stays as long as it was. */
const SEED_MONTH = '2001-01'
const WRITE_MONTH = '2001-03'
const TIMEOUT_MS = 10_000

interface Created {
  path: string
  headers: Record<string, string>
}

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body) as unknown
  } catch {
    return undefined
  }
}

const rangeOf = (month: string) =>
  new URLSearchParams({ start: `${month}-01T00:00:00Z`, end: `${month}-28T00:00:00Z` }).toString()

const event = (month: string, day: number) =>
  JSON.stringify({
    title: MARK,
    description: '부하 시험: removed when the run ends',
    start_time: `${month}-${String(day).padStart(2, '0')}T09:00:00Z`,
    end_time: `${month}-${String(day).padStart(2, '0')}T10:00:00Z`,
  })

const report = (number: number) =>
  JSON.stringify({
    status: { api: 'pass', jwks: 'pass', observability: 'na' },
    policy: {
      policy_version: POLICY_VERSION,
      created_at: new Date().toISOString(),
      evaluations: [{ rule_id: 'load', target: 'api', verdict: 'pass', severity: 'info', message: MARK }],
    },
    notes: [`${MARK} ${process.pid}.${number}`],
  })

/**
 * Makes the scratch data through the gateway, after sweeping what a run that was killed may have left.
 * @param headers sent with every request: the monitor's credential
 * @param apiKey of the collector's tenant, or one of identity's
 * @throws ScratchError when the seeds cannot be made
 */
export async function makeScratch(origin: string, headers: Record<string, string>, apiKey: ApiKey): Promise<Scratch> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: PARALLEL })
  const tenant = { ...headers, ...keyHeaders(apiKey) }
  // With ACCESS=required a name says nothing: there the key is one of identity's, which lets in everywhere.
  const user = { ...tenant, 'x-user-id': SCRATCH_USER }
  const made = new Map<string, Created>()
  let counter = 0

  const call = (path: string, options: AskOptions) =>
    ask(`${origin}${path}`, { ...options, agent, timeoutMs: TIMEOUT_MS })

  const adopt = (body: string) => {
    const document = parse(body)
    const reportId = valueAt(document, 'status') === 'ingested' ? valueAt(document, 'id') : undefined
    const eventId = valueAt(document, 'data.id')
    const diaryId = reportId === undefined ? valueAt(document, 'id') : undefined
    if (typeof reportId === 'string') made.set(reportId, { path: `/reports/${reportId}`, headers: tenant })
    else if (typeof eventId === 'string') made.set(eventId, { path: `/api/calendar/events/${eventId}`, headers: user })
    else if (typeof diaryId === 'string') made.set(diaryId, { path: `/api/diaries/${diaryId}`, headers: user })
  }

  /** Finds marked rows that no answer told of: a write that timed out, or a run that was killed. */
  const sweep = async () => {
    for (const month of [SEED_MONTH, WRITE_MONTH]) {
      const { answer } = await call(`/api/calendar/events?${rangeOf(month)}`, { headers: user })
      const events = valueAt(parse(answer?.body ?? ''), 'data')
      for (const found of Array.isArray(events) ? (events as unknown[]) : []) {
        if (valueAt(found, 'title') === MARK) adopt(JSON.stringify({ data: found }))
      }
    }
    const { answer } = await call(`/api/diaries?page=1&limit=20&month=${SEED_MONTH}`, { headers: user })
    const entries = parse(answer?.body ?? '')
    for (const found of Array.isArray(entries) ? (entries as unknown[]) : []) {
      if (valueAt(found, 'content') === MARK) adopt(JSON.stringify(found))
    }
    const listed = await call(`/reports?policy_version=${POLICY_VERSION}&page=1&limit=100`, { headers: tenant })
    const reports = valueAt(parse(listed.answer?.body ?? ''), 'reports')
    for (const found of Array.isArray(reports) ? (reports as unknown[]) : []) {
      adopt(JSON.stringify({ id: valueAt(found, 'id'), status: 'ingested' }))
    }
  }

  // 404 to DELETE may also mean that such things cannot be deleted: only a GET tells.
  const isGone = async (path: string, own: Record<string, string>) =>
    (await call(path, { headers: own })).answer?.status === 404

  /** Removes all that is known; what is already gone counts as removed. */
  const removeMade = async () => {
    const waiting = [...made]
    const worker = async () => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
        const [id, { path, headers: own }] = next
        const { answer } = await call(path, { method: 'DELETE', headers: own })
        if (answer !== undefined && (answer.status < 300 || (answer.status === 404 && (await isGone(path, own))))) {
          made.delete(id)
        }
      }
    }
    await Promise.all(Array.from({ length: PARALLEL }, worker))
  }

  const seed = async (path: string, own: Record<string, string>, body: string) => {
    const asked = await call(path, { method: 'POST', headers: { ...own, 'content-type': 'application/json' }, body })
    if (asked.answer?.status !== 201) {
      throw new ScratchError(path, asked.problem?.code ?? `HTTP ${asked.answer?.status}`)
    }
    adopt(asked.answer.body)
    return valueAt(parse(asked.answer.body), 'data.id')
  }

  /** A list has an end: sweeps again until nothing is found, or what is found stays. */
  const clear = async () => {
    let count = 0
    for (;;) {
      await sweep()
      count += made.size
      if (made.size === 0) return count
      await removeMade()
      if (made.size > 0) return count
    }
  }

  const remove = async () => {
    const count = await clear()
    agent.destroy()
    return { made: count, left: made.size }
  }

  try {
    await clear()
    let eventId = ''
    for (let day = 1; day <= SEEDS; day += 1) {
      eventId = String(await seed('/api/calendar/events', user, event(SEED_MONTH, day)))
    }
    for (let day = 1; day <= DIARY_SEEDS; day += 1) {
      await seed('/api/diaries', user, JSON.stringify({ date: `${SEED_MONTH}-0${day}`, content: MARK }))
    }
    return {
      user,
      tenant,
      month: rangeOf(SEED_MONTH),
      eventId,
      newEvent: () => event(WRITE_MONTH, 1 + (counter++ % 27)),
      newReport: () => report(counter++),
      adopt,
      remove,
    }
  } catch (error) {
    await remove()
    throw error
  }
}
