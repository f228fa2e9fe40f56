import { setTimeout as pause } from 'node:timers/promises'
import type { Load, RequestShape, Upload } from './load.ts'
import { cpuMicros, familyOf, peakRssMb } from './usage.ts'

/** Something that answers, and the processes that it costs. */
export interface Subject {
  name: string
  url: string
  /** Its processes; their descendants count too. */
  pids: number[]
  request: RequestShape
  upload?: Upload
}

/** Medians over the rounds. */
export interface Figures {
  subject: string
  /** CPU of the subject's processes for one request, in microseconds. */
  cpuUs: number
  cpuUsMin: number
  cpuUsMax: number
  perSecond: number
  p99Ms: number
  /** Peak of the processes' resident sizes, summed, in MB. */
  rssMb: number
  requests: number
  failed: number
}

export interface Plan {
  rounds: number
  seconds: number
  connections: number
  /** Requests a second that are offered; as many as there are answers without it. */
  rate?: number
  warmup: number
}

/** Longest time spent on warming one subject up: slow ones get fewer requests. */
const WARMUP_MAX_S = 8
const SETTLE_MS = 200

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}

const pidsOf = (subject: Subject) => subject.pids.flatMap(familyOf)
const cpuOf = (subject: Subject) => pidsOf(subject).reduce((sum, pid) => sum + cpuMicros(pid), 0)

async function warmUp(
  load: Load,
  { url, request, upload, name }: Subject,
  { warmup, connections, rate }: Plan,
): Promise<void> {
  let sent = 0
  for (let second = 0; sent < warmup && second < WARMUP_MAX_S; second++) {
    const result = await load.run({ url, connections, seconds: 1, rate, request, upload })
    if (result.failed > 0) throw new Error(`${name}: ${result.failed} of ${result.requests} requests failed`)
    sent += result.requests
  }
}

/** Warms all subjects up, then loads them in turn, round after round: what disturbs the machine disturbs all. */
export async function measure(load: Load, subjects: Subject[], plan: Plan): Promise<Figures[]> {
  const { rounds, seconds, connections, rate: offered } = plan
  for (const subject of subjects) await warmUp(load, subject, plan)
  const seen = subjects.map((subject) => ({ subject, cpu: [] as number[], rate: [] as number[], p99: [] as number[] }))
  const totals = subjects.map(() => ({ requests: 0, failed: 0 }))
  for (let round = 0; round < rounds; round++) {
    for (const [index, { subject, cpu, rate, p99 }] of seen.entries()) {
      const { url, request, upload } = subject
      const before = cpuOf(subject)
      const result = await load.run({ url, connections, seconds, rate: offered, request, upload })
      cpu.push((cpuOf(subject) - before) / result.requests)
      rate.push(result.requests / result.seconds)
      p99.push(result.p99)
      const total = totals[index] as { requests: number; failed: number }
      total.requests += result.requests
      total.failed += result.failed
      await pause(SETTLE_MS)
    }
  }
  return seen.map(({ subject, cpu, rate, p99 }, index) => ({
    subject: subject.name,
    cpuUs: median(cpu),
    cpuUsMin: Math.min(...cpu),
    cpuUsMax: Math.max(...cpu),
    perSecond: median(rate),
    p99Ms: median(p99),
    rssMb: pidsOf(subject).reduce((sum, pid) => sum + peakRssMb(pid), 0),
    ...(totals[index] as { requests: number; failed: number }),
  }))
}
