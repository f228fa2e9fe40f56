import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * What a tenant far over its quota does to another: the waits of one that sends steadily, alone, beside one at its quota, beside
 * one that sends 20 times its quota, in the first seconds, when a whole minute's worth is still taken, and after that, and
 * beside one that sends batches as fast as it can. `node bench/quota.ts [--seconds 2] [--rounds 8]`; prints, writes nothing. Rounds are
 * short and interleaved, and a percentile is one of the waits of all of them, so that what else the machine does disturbs all alike.
 * Each of the two has a process of its own to send from.
 */
const numberOf = (name: string, standard: number) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? standard : Number(process.argv[at + 1])
}
const SECONDS = numberOf('seconds', 2)
const ROUNDS = numberOf('rounds', 8)
/** Of the one whose waits are measured, and of the other one at its quota, in a second. */
const STEADY = 100
const QUOTA = 20
const TIMES = 20
const BATCH = 10_000
const REPORT_BYTES = 1024
/** How much the p99 of the other may move. */
const TARGET = 0.5
const TICK_MS = 5
const NS_PER_US = 1000

interface Job {
  port: number
  tenant: string
  seconds: number
  /** Reports a second; without it batches, one after the other. */
  rate?: number
}
interface Sent {
  /** Milliseconds that each taken report waited, in their order of length. */
  waits: number[]
  taken: number
  refused: number
}

function report(n: number, tenant: string): string {
  const evaluations = [{ rule_id: `rule-${n % 20}`, target: `app ${n % 7}`, verdict: 'pass', message: 'fine' }]
  const whole = { status: { api: 'pass' }, policy: { policy_version: 'v7', evaluations }, raw: { n, tenant, text: '' } }
  whole.raw.text = 'x'.repeat(Math.max(0, REPORT_BYTES - JSON.stringify(whole).length))
  return JSON.stringify(whole)
}

/** Sends as one tenant. */
async function work({ port, tenant, seconds, rate }: Job): Promise<Sent> {
  const agent = new Agent({ keepAlive: true, maxSockets: 50 })
  const sent: Sent = { waits: [], taken: 0, refused: 0 }
  const post = (url: string, body: string) =>
    new Promise<string>((resolve, reject) => {
      const began = performance.now()
      const headers = { 'x-tenant': tenant, 'x-api-key': 'key', 'content-type': 'application/x-ndjson' }
      const type = url.endsWith('batch') ? {} : { 'content-type': 'application/json' }
      const asked = request({ port, path: url, method: 'POST', agent, headers: { ...headers, ...type } }, (answer) => {
        const chunks: Buffer[] = []
        answer.on('data', (chunk: Buffer) => chunks.push(chunk))
        answer.on('end', () => {
          if (answer.statusCode === 201) sent.waits.push(performance.now() - began)
          if (answer.statusCode === 429) sent.refused++
          else if ((answer.statusCode ?? 500) < 300) sent.taken++
          else return reject(new Error(`answered ${answer.statusCode}`))
          resolve(Buffer.concat(chunks).toString())
        })
      })
      asked.on('error', reject)
      asked.end(body)
    })
  let n = 0
  const end = performance.now() + seconds * 1000
  if (rate === undefined) {
    while (performance.now() < end) {
      await post('/ingest/qc/batch', Array.from({ length: BATCH }, () => report(n++, tenant)).join('\n'))
    }
  } else {
    const began = performance.now()
    const waiting: Promise<unknown>[] = []
    while (performance.now() < end) {
      const due = ((performance.now() - began) / 1000) * rate
      while (n < due) waiting.push(post('/ingest/qc', report(n++, tenant)))
      await pause(TICK_MS)
    }
    await Promise.all(waiting)
  }
  agent.destroy()
  sent.waits.sort((one, other) => one - other)
  return sent
}

if (process.send !== undefined) {
  const [job] = (await once(process, 'message')) as [Job]
  process.send(await work(job), () => process.exit(0))
  await new Promise(() => {})
}

/** @see work; in a process of its own */
async function send(job: Job): Promise<Sent> {
  const child = fork(import.meta.filename)
  child.send(job)
  const [sent] = (await once(child, 'message')) as [Sent]
  return sent
}

const CASES = ['alone', 'quota', 'first', 'times', 'batches'] as const
type Case = (typeof CASES)[number]
const tenantOf = (name: Case, round: number) => (name === 'times' ? name : `${name}-${round}`)
const tenants = Array.from({ length: ROUNDS + 1 }, (_, round) => CASES.map((name) => tenantOf(name, round))).flat()

const root = path.resolve(import.meta.dirname, '..')
mkdirSync(path.join(root, 'data'), { recursive: true })
const data = mkdtempSync(path.join(root, 'data', 'bench-quota-'))
const collector = spawn(process.execPath, ['--expose-gc', path.join(root, 'services/collector/main.ts')], {
  env: {
    ...process.env,
    DATA_DIR: data,
    COLLECTOR_PORT: '0',
    LOG_DIR: path.join(data, 'logs'),
    API_KEYS: ['default', 'steady', ...tenants].map((tenant) => `${tenant}:key`).join(','),
  },
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
})
process.on('exit', () => {
  collector.kill('SIGKILL')
  rmSync(data, { recursive: true, force: true })
})
const { port } = await new Promise<{ port: number }>((resolve) => collector.once('message', resolve))
const limit = async (tenant: string) => {
  const headers = { 'x-tenant': 'default', 'x-api-key': 'key', 'content-type': 'application/json' }
  const body = JSON.stringify({ quotas: { reportsPerMinute: QUOTA * 60 } })
  const answer = await fetch(`http://127.0.0.1:${port}/admin/tenants/${tenant}`, { method: 'PATCH', headers, body })
  if (answer.status !== 200) throw new Error(`answered ${answer.status}: ${await answer.text()}`)
}

/** CPU time of all threads of the process, in microseconds. */
function cpu(): number {
  const tasks = `/proc/${collector.pid}/task`
  let sum = 0
  for (const task of readdirSync(tasks)) sum += Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0])
  return sum / NS_PER_US
}

interface Round {
  waits: number[]
  other?: Sent
}

const RATES: Partial<Record<Case, number>> = { quota: QUOTA, first: QUOTA * TIMES, times: QUOTA * TIMES }

async function round(name: Case, number: number): Promise<Round> {
  const tenant = tenantOf(name, number)
  const rate = RATES[name]
  if (rate !== undefined) await limit(tenant)
  // Until its minute is used up.
  if (name === 'times') while ((await send({ port, tenant, seconds: 1, rate: rate as number })).taken > 0);
  const others =
    name === 'alone' ? [] : [send({ port, tenant, seconds: SECONDS, ...(rate === undefined ? {} : { rate }) })]
  const [steady, other] = (await Promise.all([
    send({ port, tenant: 'steady', seconds: SECONDS, rate: STEADY }),
    ...others,
  ])) as [Sent, Sent?]
  return { waits: steady.waits, ...(other === undefined ? {} : { other }) }
}

const TITLES: Record<Case, string> = {
  alone: 'alone',
  quota: `beside one at its quota (${QUOTA}/s)`,
  first: `beside ${TIMES} times a quota, first ${SECONDS} s`,
  times: `beside ${TIMES} times a quota, after that`,
  batches: `beside batches of ${BATCH}`,
}

await round('alone', ROUNDS)
const found: Record<Case, Round[]> = { alone: [], quota: [], first: [], times: [], batches: [] }
for (let number = 0; number < ROUNDS; number++) {
  for (const name of CASES) found[name].push(await round(name, number))
}
function percentile(name: Case, part: number): number {
  const waits = found[name].flatMap((one) => one.waits).sort((one, other) => one - other)
  return waits[Math.floor(waits.length * part)] as number
}
const p99 = Object.fromEntries(CASES.map((name) => [name, percentile(name, 0.99)])) as Record<Case, number>
for (const name of CASES) {
  const p50 = percentile(name, 0.5)
  const other = found[name].at(-1)?.other
  const sent = other === undefined ? '' : `  the other: ${other.taken} taken, ${other.refused} refused`
  const moved = name === 'alone' ? '' : `  p99 x ${(p99[name] / p99.alone).toFixed(2)}`
  process.stdout.write(
    `${TITLES[name].padEnd(36)} p50 ${p50.toFixed(1)} ms, p99 ${p99[name].toFixed(1)} ms${moved}${sent}\n`,
  )
}
const by = p99.times / p99.alone - 1
process.stdout.write(
  `a tenant at ${TIMES} times its quota moves another's p99 by ${(by * 100).toFixed(0)} % ` +
    `(target: less than ${TARGET * 100} %: ${by < TARGET ? 'met' : 'missed'})\n`,
)

// Its minute is used up by now.
const before = cpu()
const refused = await send({ port, tenant: tenantOf('times', 0), seconds: 2, rate: QUOTA * TIMES })
process.stdout.write(`a refusal costs ${((cpu() - before) / refused.refused).toFixed(1)} µs CPU\n`)
process.exit(0)
