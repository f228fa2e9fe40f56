import { spawn } from 'node:child_process'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { measure, median, type Figures, type Subject } from '../lab/rounds.ts'
import { cpuMicros, familyOf, peakRssMb } from '../lab/usage.ts'
import { openPostgres } from '../subjects/postgres.ts'
import { startFastifyReports } from '../subjects/fastify.ts'
import type { Lab } from '../subjects/lab.ts'
import { freePorts, READER_KEY, settingsOf, startOurs, WRITER_KEY, type Ours } from '../subjects/ours.ts'
import { numberedReport, REPORT_TEMPLATE, storeReports } from '../subjects/reports.ts'

export const INGEST = 'collector, durable ingest of 1 KB'
export const BATCH = 'collector, report of a batch of 10,000'
export const PAGE = 'collector, list of 20 of 1,000,000'
export const UNCHANGED = 'collector, the same list again, 304'
export const TIMELINE = 'collector, timeline of 168 h of 1,000,000'
export const BUSY = 'collector, 500 ingests a second during retention, a backup and a stream'

export const ON_SQLITE = 'collector'
export const ON_POSTGRES = 'collector on PostgreSQL'
export const FLOOR = 'fastify + better-sqlite3, durable, nothing else'
export const AGGREGATION = 'the plain SQL aggregation'

const WINDOW_H = 168
const HOUR_MS = 3_600_000
const BATCH_OF = 10_000
const JSON_TYPE = { 'content-type': 'application/json' }
/** The aggregation takes part of a second. */
const FEW = { warmup: 1, connections: 1 }
const BUSY_RATE = 500
const RETAIN_DAYS = 3
const SETTLE_MS = 500

/** A running collector with a million reports. */
interface Place {
  name: string
  url: string
  ours: Ours
  /** Its own process: what a database server does is not in its figures. */
  pids: number[]
  file: string
}

const INGEST_REQUEST = {
  method: 'POST',
  path: '/ingest/qc',
  headers: { ...JSON_TYPE, ...WRITER_KEY },
  body: REPORT_TEMPLATE,
} as const
const PAGE_PATH = '/reports?limit=20'
const TIMELINE_PATH = `/timeline?window_h=${WINDOW_H}`

async function startCollector(lab: Lab, name: string, more: NodeJS.ProcessEnv): Promise<Place> {
  const ports = await freePorts()
  const folder = path.join(lab.folder, `collector-${ports.gateway}`)
  const env = settingsOf(ports, folder, { WRITE_QUEUE_MAX: '100000', ...more })
  console.log(`  storing ${lab.reports} reports: ${name}`)
  await storeReports(env, 'reader', lab.reports, WINDOW_H * HOUR_MS)
  const ours = await startOurs(lab, ['collector'], { ports, env, core: 1 })
  const pids = [ours.pids.collector as number]
  return { name, url: `http://127.0.0.1:${ports.collector}`, ours, pids, file: path.join(folder, 'collector.db') }
}

const subjectOf = ({ name, url, pids }: Place, request: Subject['request']): Subject => ({ name, url, pids, request })

let numbered = 0

/** Batches, one after the other: their bodies are made while nothing is measured. */
async function measureBatches({ name, url, pids }: Place, { rounds }: Lab['plan']): Promise<Figures> {
  const [cpu, rate, ms]: [number[], number[], number[]] = [[], [], []]
  const cpuOf = () => pids.flatMap(familyOf).reduce((sum, pid) => sum + cpuMicros(pid), 0)
  for (let round = 0; round <= rounds; round++) {
    const body = Array.from({ length: BATCH_OF }, () => numberedReport(numbered++)).join('\n')
    const [before, begun] = [cpuOf(), performance.now()]
    const headers = { ...WRITER_KEY, 'content-type': 'application/x-ndjson' }
    const response = await fetch(`${url}/ingest/qc/batch`, { method: 'POST', headers, body })
    const { counts } = (await response.json()) as { counts: { stored: number } }
    if (counts.stored !== BATCH_OF) throw new Error(`${name}: ${JSON.stringify(counts)}`)
    const took = performance.now() - begun
    if (round === 0) continue
    cpu.push((cpuOf() - before) / BATCH_OF)
    rate.push((BATCH_OF * 1000) / took)
    ms.push(took)
    await pause(SETTLE_MS)
  }
  return {
    subject: name,
    cpuUs: median(cpu),
    cpuUsMin: Math.min(...cpu),
    cpuUsMax: Math.max(...cpu),
    perSecond: median(rate),
    p99Ms: Math.round(Math.max(...ms)),
    rssMb: pids.flatMap(familyOf).reduce((sum, pid) => sum + peakRssMb(pid), 0),
    requests: rounds * BATCH_OF,
    failed: 0,
  }
}

async function tagOf({ url }: Place): Promise<string> {
  const response = await fetch(url + PAGE_PATH, { headers: READER_KEY })
  const { reports } = (await response.json()) as { reports: unknown[] }
  if (reports.length !== 20) throw new Error(`${url} shows ${reports.length} reports, not 20`)
  return response.headers.get('etag') as string
}

/** Copies the file while it is written to, as a backup does. */
const backUp = (file: string) =>
  spawn(process.execPath, [
    '-e',
    `const db = new (require('better-sqlite3'))(${JSON.stringify(file)})
     db.exec("VACUUM INTO '${`${file}.backup`}'")`,
  ])

/** Ingests at an even pace while other things go on, which end with the process. */
async function measureBusy(lab: Lab, place: Place): Promise<Figures[]> {
  const { url, file, name } = place
  const headers = { ...READER_KEY, ...JSON_TYPE }
  const body = JSON.stringify({ retainDays: RETAIN_DAYS })
  const policy = await fetch(`${url}/admin/retention`, { method: 'PUT', headers, body })
  if (!policy.ok) throw new Error(`PUT /admin/retention answers ${policy.status}: ${await policy.text()}`)
  const ended = new AbortController()
  const { signal } = ended
  const inBackground = (path: string, init: RequestInit = {}) =>
    void fetch(url + path, { headers: READER_KEY, signal, ...init })
      .then(async (answer) => {
        if (!answer.ok) throw new Error(`${path} answers ${answer.status}`)
        for await (const part of answer.body as ReadableStream<Uint8Array>) void part
      })
      .catch((error: unknown) => signal.aborted || console.warn(`  ${name}: ${String(error)}`))
  inBackground('/reports/stream', { headers: WRITER_KEY })
  inBackground('/admin/retention/run', { method: 'POST' })
  const backup = name === ON_SQLITE ? backUp(file) : undefined
  const plan = { ...lab.plan, rate: BUSY_RATE, warmup: 1 }
  const figures = await measure(lab.load, [subjectOf(place, INGEST_REQUEST)], plan)
  backup?.kill()
  ended.abort()
  return figures
}

/** The collector with a million reports, on SQLite and on PostgreSQL when there is one, beside what has none of its features. */
export async function collectorCase(lab: Lab): Promise<Record<string, Figures[]>> {
  const postgres = await openPostgres()
  const places = [await startCollector(lab, ON_SQLITE, {})]
  if (postgres !== undefined) {
    const more = { COLLECTOR_DATABASE_URL: postgres.url }
    places.push(await startCollector(lab, ON_POSTGRES, more))
  }
  const { file } = places[0] as Place
  const floor = await startFastifyReports(lab, file)
  const compare = (request: Subject['request'], others: Subject[] = []) =>
    measure(lab.load, [...places.map((place) => subjectOf(place, request)), ...others], lab.plan)

  const found: Record<string, Figures[]> = {}
  found[PAGE] = await compare({ path: `${PAGE_PATH}&bench={{n}}`, headers: READER_KEY })
  const unchanged: Figures[] = []
  for (const place of places) {
    const headers = { ...READER_KEY, 'if-none-match': await tagOf(place) }
    unchanged.push(
      ...(await measure(lab.load, [subjectOf(place, { path: PAGE_PATH, headers, status: 304 })], lab.plan)),
    )
  }
  found[UNCHANGED] = unchanged
  found[TIMELINE] = await compare({ path: `${TIMELINE_PATH}&bench={{n}}`, headers: READER_KEY })
  const aggregation = { ...floor, name: AGGREGATION, request: { path: TIMELINE_PATH, headers: READER_KEY } }
  found[TIMELINE].push(...(await measure(lab.load, [aggregation], { ...lab.plan, ...FEW })))
  found[INGEST] = await compare(INGEST_REQUEST, [{ ...floor, name: FLOOR, request: INGEST_REQUEST }])
  found[BATCH] = []
  for (const place of places) found[BATCH].push(await measureBatches(place, lab.plan))
  found[BUSY] = []
  for (const place of places) found[BUSY].push(...(await measureBusy(lab, place)))

  for (const { ours } of places) await ours.parent.stop()
  await floor.stop()
  await postgres?.stop()
  return found
}
