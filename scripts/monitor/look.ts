import { statfs } from 'node:fs/promises'
import os from 'node:os'
import { LOOP_SETTLED_S, type Limits } from './limits.ts'
import { probesFor } from './probes.ts'
import type { Check, Facts, HostFacts, Problem, State, TargetRun } from './run.ts'
import type { Target } from './targets.ts'

const round = (ms: number) => Math.round(ms * 100) / 100

/** The middle of some figures; null of none. */
export function median(figures: readonly number[]): number | null {
  const sorted = figures.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  if (sorted.length === 0) return null
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

const over = (what: string, limit: number, got: number): Problem | undefined =>
  got > limit ? { code: 'over', values: { what, limit, got } } : undefined
const under = (what: string, limit: number, got: number): Problem | undefined =>
  got < limit ? { code: 'under', values: { what, limit, got } } : undefined

type Figures = Pick<Facts, 'uptime_s' | 'loop_p99_ms' | 'rss_bytes' | 'wal_bytes'> & {
  disk_free_bytes?: number | null
  disk_total_bytes?: number | null
}

/** Figures that were told, against their limits; a figure that was not told is a missing field and fails there. */
function limitChecks(target: string, figures: Figures, limits: Limits): Check[] {
  const checks: Check[] = []
  const add = (name: string, problem: Problem | undefined) =>
    checks.push({
      target,
      name,
      kind: 'limit',
      decides: false,
      ok: problem === undefined,
      ...(problem === undefined ? {} : { problem }),
    })
  for (const name of ['loop_p99_ms', 'rss_bytes', 'wal_bytes'] as const) {
    const got = figures[name]
    const isSettled = name !== 'loop_p99_ms' || (figures.uptime_s ?? 0) >= LOOP_SETTLED_S
    if (got !== undefined && isSettled) add(name, over(name, limits[name], got))
  }
  const { disk_free_bytes: free, disk_total_bytes: total } = figures
  if (typeof free === 'number') add('disk_free_bytes', under('disk_free_bytes', limits.disk_free_bytes, free))
  if (typeof free === 'number' && typeof total === 'number' && total > 0) {
    const percent = Math.round((free / total) * 1000) / 10
    add('disk_free_percent', under('disk_free_percent', limits.disk_free_percent, percent))
  }
  return checks
}

const stateOf = (checks: readonly Check[]): State => {
  const failed = checks.filter((check) => !check.ok)
  if (failed.some((check) => check.decides)) return 'down'
  return failed.length > 0 ? 'degraded' : 'healthy'
}

/** Asks one process everything, all probes at once, so that a hanging one costs no more than its own time limit. */
export async function lookAt(target: Target, limits: Limits): Promise<TargetRun> {
  const findings = await Promise.all(probesFor(target).map((probe) => probe(target)))
  const facts: Facts = Object.assign({}, ...findings.map((finding) => finding.facts ?? {}))
  const checks = [...findings.flatMap((finding) => finding.checks), ...limitChecks(target.name, facts, limits)]
  const samples = findings.flatMap((finding) => finding.health_ms ?? []).map(round)
  return {
    name: target.name,
    url: target.url,
    admin: target.admin,
    critical: target.critical,
    state: stateOf(checks),
    facts,
    checks: checks.map((check) => (check.ms === undefined ? check : { ...check, ms: round(check.ms) })),
    health_ms: samples,
    health_p50_ms: median(samples),
  }
}

/** The machine that the monitor runs on, and the disk of its data folder. */
export async function lookAtHost(dataDir: string): Promise<HostFacts> {
  const disk = await statfs(dataDir).catch(() => undefined)
  return {
    platform: `${os.platform()} ${os.release()} ${os.arch()}`,
    node: process.version,
    cpus: os.availableParallelism(),
    load_1m: round(os.loadavg()[0] ?? 0),
    memory_free_bytes: os.freemem(),
    memory_total_bytes: os.totalmem(),
    data_dir: dataDir,
    disk_free_bytes: disk === undefined ? null : disk.bavail * disk.bsize,
    disk_total_bytes: disk === undefined ? null : disk.blocks * disk.bsize,
  }
}

/** What no single process can tell: that all run the same version, and the room in the data folder. */
export function systemChecks(targets: readonly TargetRun[], host: HostFacts, limits: Limits): Check[] {
  const versions = new Map(
    targets.flatMap(({ name, facts }) => (facts.version ? [[name, facts.version] as const] : [])),
  )
  const checks = limitChecks('host', host, limits)
  if (versions.size < 2) return checks
  const differ = new Set(versions.values()).size > 1
  const list = [...versions].map(([name, version]) => `${name} ${version}`).join(', ')
  const problem: Problem = { code: 'versions-differ', values: { list } }
  return [
    ...checks,
    { target: 'host', name: 'version', kind: 'field', decides: false, ok: !differ, ...(differ ? { problem } : {}) },
  ]
}
