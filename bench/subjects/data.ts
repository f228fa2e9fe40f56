import type { RequestShape } from '../lab/load.ts'
import { READER_KEY, WRITER_KEY } from './ours.ts'

/** Rows that a list shows. */
export const LIST_OF = 20

const days = Array.from({ length: LIST_OF }, (_, index) => `2026-11-${String(index + 1).padStart(2, '0')}`)

/** The requests whose cost is compared, and what must be stored before. */
export interface Workload {
  /** Asked with a new URL each time, so that no answer kept in memory serves it. */
  list: RequestShape
  /** The same list with the same URL each time. */
  polled: RequestShape
  one: RequestShape
  write: RequestShape
}

async function post(
  url: string,
  { path, headers, body }: Required<Omit<RequestShape, 'method' | 'status'>>,
): Promise<unknown> {
  const response = await fetch(url + path, { method: 'POST', headers, body })
  if (response.status !== 201) throw new Error(`POST ${path} answers ${response.status}: ${await response.text()}`)
  return response.json()
}

/** The list must show what it is compared by. @throws Error when it shows another number of rows */
async function checkList(url: string, list: RequestShape, rowsOf: (body: unknown) => unknown[]): Promise<void> {
  const response = await fetch(url + list.path, { headers: list.headers })
  const rows = rowsOf(await response.json())
  if (rows.length !== LIST_OF) throw new Error(`${url}${list.path} shows ${rows.length} rows, not ${LIST_OF}`)
}

/** A member of the query that every service passes over. */
const fresh = ({ path, headers }: RequestShape): RequestShape => ({ path: `${path}&bench={{n}}`, headers })

const JSON_TYPE = { 'content-type': 'application/json' }

const eventOf = (day: string) =>
  JSON.stringify({
    title: `주간 회의 ${day}`,
    description: 'Agenda, minutes and the open points of last week',
    start_time: `${day}T09:30:00`,
    end_time: `${day}T10:30:00`,
    location: '회의실 3',
    type: 'work',
    color: '#3B82F6',
    reminder_minutes: 10,
  })

/** Twenty events of one month; writes go to another month. */
export async function eventWorkload(url: string): Promise<Workload> {
  const path = '/api/calendar/events'
  let id = ''
  for (const day of days) {
    const { data } = (await post(url, { path, headers: JSON_TYPE, body: eventOf(day) })) as { data: { id: string } }
    id = data.id
  }
  const polled = { path: `${path}?start=2026-11-01T00:00:00Z&end=2026-11-30T00:00:00Z` }
  await checkList(url, polled, (body) => (body as { data: unknown[] }).data)
  return {
    list: fresh(polled),
    polled,
    one: { path: `${path}/${id}` },
    write: { method: 'POST', path, headers: JSON_TYPE, body: eventOf('2026-01-15') },
  }
}

const entryOf = (date: string) =>
  JSON.stringify({
    date,
    content: '오늘은 한강을 걸었다. 바람이 차고 하늘이 맑았다.',
    mood: '😊',
    weather: 'sunny',
    tags: ['산책'],
  })

/** Twenty entries of one user; each write is another user's. */
export async function entryWorkload(url: string): Promise<Workload> {
  const path = '/api/diaries'
  const reader = { 'x-user-id': 'bench-reader' }
  for (const date of days) await post(url, { path, headers: { ...JSON_TYPE, ...reader }, body: entryOf(date) })
  const polled = { path: `${path}?limit=${LIST_OF}`, headers: reader }
  await checkList(url, polled, (body) => body as unknown[])
  const headers = { ...JSON_TYPE, 'x-user-id': 'bench-{{run}}-{{n}}' }
  return {
    list: fresh(polled),
    polled,
    one: { path: `${path}/${days[0]}`, headers: reader },
    write: { method: 'POST', path, headers, body: entryOf('2026-11-21') },
  }
}

/** About 1 KB, as the senders post it; the note makes each one new. */
const reportOf = (note: string) =>
  JSON.stringify({
    status: { api: 'pass', jwks: 'pass', holidays: 'warn', observability: 'pass', ics: 'pass', lighthouse: 'na' },
    policy: {
      policy_version: '2026.11',
      created_at: '2026-11-21T00:00:00Z',
      evaluations: Array.from({ length: 5 }, (_, index) => ({
        rule_id: `rule-${index}`,
        target: 'holidays',
        verdict: index === 0 ? 'warn' : 'pass',
        severity: index === 0 ? 'warn' : 'info',
        message: 'The table of holidays is older than thirty days',
      })),
    },
    notes: [note],
  })

/** Twenty reports of one tenant; writes go to another. */
export async function reportWorkload(url: string): Promise<Workload> {
  const path = '/ingest/qc'
  let id = ''
  for (const day of days) {
    const headers = { ...JSON_TYPE, ...READER_KEY }
    id = ((await post(url, { path, headers, body: reportOf(day) })) as { id: string }).id
  }
  const polled = { path: `/reports?limit=${LIST_OF}`, headers: READER_KEY }
  await checkList(url, polled, (body) => (body as { reports: unknown[] }).reports)
  return {
    list: fresh(polled),
    polled,
    one: { path: `/reports/${id}`, headers: READER_KEY },
    write: { method: 'POST', path, headers: { ...JSON_TYPE, ...WRITER_KEY }, body: reportOf('{{run}}-{{n}}') },
  }
}
