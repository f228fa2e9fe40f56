import http from 'node:http'
import https from 'node:https'
import { ask, type Answer, type Asked } from './ask.ts'
import { detailFieldsOf, faultOf, HEALTH_FIELDS, valueAt, type Field } from './fields.ts'
import { HEALTH_SAMPLES, SAMPLING_MS } from './limits.ts'
import type { Check, Facts, Problem } from './run.ts'
import type { Target } from './targets.ts'

/** What a probe brings back. */
export interface Finding {
  checks: Check[]
  facts?: Facts
  health_ms?: number[]
}

export type Probe = (target: Target) => Promise<Finding>

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value.slice(0, 200) : undefined)
const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined

/** Drops what a process did not tell. */
const told = (facts: { [K in keyof Facts]: Facts[K] | undefined }): Facts =>
  Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined))

function parse(body: string): unknown {
  try {
    return JSON.parse(body) as unknown
  } catch {
    return undefined
  }
}

/** The HTTP status decides: an error status that carries well-formed JSON is still a failure. */
function problemWith({ answer, problem }: Asked): Problem | undefined {
  if (problem !== undefined) return problem
  if (answer.status === 200) return undefined
  const document = parse(answer.body)
  const reason = text(valueAt(document, 'reason')) ?? text(valueAt(document, 'message')) ?? ''
  return { code: 'http-status', values: { expected: 200, got: answer.status, reason } }
}

function probeCheck(target: Target, name: string, decides: boolean, asked: Asked): Check {
  const problem = problemWith(asked)
  const ms = asked.answer === undefined ? {} : { ms: asked.answer.ms }
  const found = problem === undefined ? {} : { problem }
  return { target: target.name, name, kind: 'probe', decides, ok: problem === undefined, ...found, ...ms }
}

function fieldCheck(target: Target, name: string, problem: Problem | undefined): Check {
  const found = problem === undefined ? {} : { problem }
  return { target: target.name, name, kind: 'field', decides: false, ok: problem === undefined, ...found }
}

/** Checks the fields of an answer; one that is no JSON fails as a whole. `where` names the listener. */
function fieldChecks(target: Target, where: string, { body }: Answer, fields: readonly Field[]): Check[] {
  const document = parse(body)
  if (document === undefined) return [fieldCheck(target, `${where} JSON`, { code: 'not-json', values: {} })]
  const now = Date.now()
  return fields.map((field) => fieldCheck(target, `${where} ${field.name}`, faultOf(document, field, now)))
}

const answered = (asked: Asked): asked is { answer: Answer } => asked.answer?.status === 200

const live: Probe = async (target) => {
  const asked = await ask(`${target.admin}/health/live`)
  const check = probeCheck(target, 'live', true, asked)
  const fields: Field[] = [{ name: 'status', type: 'string', is: 'alive' }]
  return { checks: [check, ...(answered(asked) ? fieldChecks(target, 'live', asked.answer, fields) : [])] }
}

const ready: Probe = async (target) => {
  const asked = await ask(`${target.admin}/health/ready`)
  const check = probeCheck(target, 'ready', true, asked)
  const fields: Field[] = [{ name: 'status', type: 'string', is: 'ready' }]
  const checks = [check, ...(answered(asked) ? fieldChecks(target, 'ready', asked.answer, fields) : [])]
  return { checks, facts: { ready: check.ok } }
}

/** The gateway names its upstreams: each must be up, by name. */
function upstreamFields(document: unknown): Field[] {
  const upstreams = valueAt(document, 'upstreams')
  if (typeof upstreams !== 'object' || upstreams === null) return []
  return Object.keys(upstreams).map((name) => ({ name: `upstreams.${name}.status`, type: 'string', is: 'up' }))
}

/** `/health` as the existing clients read it, asked several times over one connection. */
const health: Probe = async (target) => {
  const url = `${target.url}/health`
  const { Agent } = url.startsWith('https:') ? https : http
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  try {
    let asked = await ask(url, { agent })
    const samples: number[] = []
    const until = performance.now() + SAMPLING_MS
    while (samples.length < HEALTH_SAMPLES && answered(asked) && performance.now() < until) {
      asked = await ask(url, { agent })
      if (asked.answer !== undefined) samples.push(asked.answer.ms)
    }
    const checks = [probeCheck(target, 'health', true, asked)]
    if (!answered(asked)) return { checks, health_ms: samples }
    const document = parse(asked.answer.body)
    const fields = [...HEALTH_FIELDS[target.contract], ...upstreamFields(document)]
    if (target.contract !== 'any') checks.push(...fieldChecks(target, 'health', asked.answer, fields))
    const facts = told({
      service: text(valueAt(document, 'service')),
      database: text(valueAt(document, 'database')),
      uptime_s: number(valueAt(document, 'uptime')),
    })
    return { checks, facts, health_ms: samples }
  } finally {
    agent.destroy()
  }
}

const details: Probe = async (target) => {
  const asked = await ask(`${target.admin}/health`)
  const checks = [probeCheck(target, 'details', false, asked)]
  if (!answered(asked)) return { checks }
  const document = parse(asked.answer.body)
  checks.push(...fieldChecks(target, 'details', asked.answer, detailFieldsOf(target.contract, document)))
  const at = (name: string) => valueAt(document, name)
  const facts = told({
    version: text(at('version')),
    uptime_s: number(at('uptime')),
    pid: number(at('process.pid')),
    node: text(at('process.node')),
    rss_bytes: number(at('process.rss_bytes')),
    heap_used_bytes: number(at('process.heap_used_bytes')),
    loop_mean_ms: number(at('process.event_loop_delay_ms.mean')),
    loop_p99_ms: number(at('process.event_loop_delay_ms.p99')),
    loop_max_ms: number(at('process.event_loop_delay_ms.max')),
    file: text(at('storage.file')),
    file_bytes: number(at('storage.file_bytes')),
    wal_bytes: number(at('storage.wal_bytes')),
    disk_free_bytes: number(at('storage.disk_free_bytes')),
    disk_total_bytes: number(at('storage.disk_total_bytes')),
  })
  return { checks, facts }
}

const SAMPLE_LINE = /^[a-zA-Z_:][a-zA-Z0-9_:]*(\{.*\})? \S+( \d+)?$/

/** Metrics that a scraper could not read are as good as none. */
const metrics: Probe = async (target) => {
  const asked = await ask(`${target.admin}/metrics`)
  const check = probeCheck(target, 'metrics', false, asked)
  if (!answered(asked)) return { checks: [check] }
  const lines = asked.answer.body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  if (lines.length > 0 && lines.every((line) => SAMPLE_LINE.test(line))) return { checks: [check] }
  return { checks: [{ ...check, ok: false, problem: { code: 'not-metrics', values: {} } }] }
}

/** The probes, all of one signature. A target of the contract `any` has only `health`. */
export const PROBES = { live, ready, health, details, metrics } as const satisfies Record<string, Probe>

export const probesFor = (target: Target): readonly Probe[] =>
  target.contract === 'any' ? [PROBES.health] : Object.values(PROBES)
