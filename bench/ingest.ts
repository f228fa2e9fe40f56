import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import path from 'node:path'

/**
 * What taking in a report costs: CPU of the collector's process with all its threads, for single reports at 50 connections and
 * for batches. `node bench/ingest.ts [--seconds 5] [--rounds 3]`; prints, writes nothing. Every report is another one: the same
 * would be stored once.
 */
const numberOf = (name: string, standard: number) => {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? standard : Number(process.argv[at + 1])
}
const SECONDS = numberOf('seconds', 5)
const ROUNDS = numberOf('rounds', 3)
const CONNECTIONS = 50
const BATCH = 10_000
const REPORT_BYTES = 1024
const NS_PER_US = 1000

const root = path.resolve(import.meta.dirname, '..')
mkdirSync(path.join(root, 'data'), { recursive: true })
const data = mkdtempSync(path.join(root, 'data', 'bench-ingest-'))
const collector = spawn(process.execPath, ['--expose-gc', path.join(root, 'services/collector/main.ts')], {
  env: {
    ...process.env,
    DATA_DIR: data,
    COLLECTOR_PORT: '0',
    LOG_LEVEL: 'info',
    LOG_DIR: path.join(data, 'logs'),
    WRITE_QUEUE_MAX: '100000',
  },
  stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
})
process.on('exit', () => {
  collector.kill('SIGKILL')
  rmSync(data, { recursive: true, force: true })
})
const { port: PORT } = await new Promise<{ port: number }>((resolve) => collector.once('message', resolve))

/** CPU time of all threads of the process, in nanoseconds. */
function cpu(): number {
  const tasks = `/proc/${collector.pid}/task`
  let sum = 0
  for (const task of readdirSync(tasks)) sum += Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0])
  return sum
}
const peakRss = () => Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${collector.pid}/status`, 'utf8'))?.[1]) / 1024

let made = 0
/** A report of 1 KB with two evaluations, of a few rules and targets, as a fleet sends them. */
function report(): string {
  const n = made++
  const evaluations = [
    { rule_id: `rule-${n % 20}`, target: `앱 ${n % 7}`, verdict: 'pass', severity: 'info', message: 'fine' },
    { rule_id: 'latency', target: `앱 ${n % 5}`, verdict: 'warn', severity: 'warn', message: `p95 ${n} ms` },
  ]
  const whole = {
    status: { api: 'pass', jwks: 'pass' },
    policy: { policy_version: 'v7', evaluations },
    raw: { n, text: '' },
  }
  whole.raw.text = 'x'.repeat(Math.max(0, REPORT_BYTES - Buffer.byteLength(JSON.stringify(whole))))
  return JSON.stringify(whole)
}

const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS })
const headers = { 'x-tenant': 'default', 'x-api-key': 'collector-key' }
const post = (url: string, type: string, body: string) =>
  new Promise<number>((resolve, reject) => {
    const asked = request(
      {
        port: PORT,
        path: url,
        method: 'POST',
        agent,
        headers: { ...headers, 'content-type': type, 'content-length': Buffer.byteLength(body) },
      },
      (answer) => {
        answer.resume()
        answer.on('end', () => resolve(answer.statusCode as number))
      },
    )
    asked.on('error', reject)
    asked.end(body)
  })

interface Round {
  us: number
  perSecond: number
  p99: number
}

async function singles(seconds: number): Promise<Round> {
  const until = performance.now() + seconds * 1000
  const waits: number[] = []
  const before = cpu()
  const begun = performance.now()
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      while (performance.now() < until) {
        const body = report()
        const sent = performance.now()
        const status = await post('/ingest/qc', 'application/json', body)
        if (status !== 201) throw new Error(`answered ${status}`)
        waits.push(performance.now() - sent)
      }
    }),
  )
  const took = performance.now() - begun
  const us = (cpu() - before) / NS_PER_US / waits.length
  waits.sort((one, other) => one - other)
  return { us, perSecond: (waits.length / took) * 1000, p99: waits[Math.floor(waits.length * 0.99)] as number }
}

async function batches(count: number): Promise<Round> {
  let [us, ms] = [0, 0]
  for (let n = 0; n < count; n++) {
    const body = Array.from({ length: BATCH }, report).join('\n')
    const before = cpu()
    const begun = performance.now()
    const status = await post('/ingest/qc/batch', 'application/x-ndjson', body)
    if (status !== 200) throw new Error(`answered ${status}`)
    ms += performance.now() - begun
    us += (cpu() - before) / NS_PER_US
  }
  return { us: us / (count * BATCH), perSecond: (count * BATCH * 1000) / ms, p99: ms / count }
}

const median = (values: number[]) => values.sort((one, other) => one - other)[Math.floor(values.length / 2)] as number
const line = (name: string, rounds: Round[], target: number, last: string) => {
  const of = (pick: (round: Round) => number) => median(rounds.map(pick))
  const us = of((round) => round.us)
  process.stdout.write(
    `${name.padEnd(28)} ${us.toFixed(1).padStart(6)} µs CPU each (target ${target}: ${us <= target ? 'met' : 'missed'})` +
      `  ${Math.round(of((round) => round.perSecond))}/s  ${last} ${of((round) => round.p99).toFixed(1)} ms\n`,
  )
}

await singles(3)
await batches(1)
const [one, many]: [Round[], Round[]] = [[], []]
for (let round = 0; round < ROUNDS; round++) {
  one.push(await singles(SECONDS))
  many.push(await batches(3))
}
line('single, 50 connections', one, 50, 'p99')
line(`batch of ${BATCH}, NDJSON`, many, 25, 'each batch')
process.stdout.write(`${made} reports; peak RSS ${peakRss().toFixed(0)} MB\n`)
process.exit(0)
