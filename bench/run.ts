import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { loadavg } from 'node:os'
import path from 'node:path'
import { collectorCase } from './cases/collector.ts'
import { identityCase } from './cases/identity.ts'
import { pathCase } from './cases/path.ts'
import { proxyCase } from './cases/proxy.ts'
import { servicesCase } from './cases/services.ts'
import { startCase } from './cases/start.ts'
import { uploadCase } from './cases/upload.ts'
import { startLoad } from './lab/load.ts'
import { killAll, stopAll } from './lab/process.ts'
import { describeMachine, describeSource } from './machine.ts'
import { CASES, parseOptions, USAGE, type CaseName, type Options } from './options.ts'
import { installPeers } from './peers.ts'
import { terminalReport, writeReport, type Run } from './report.ts'
import { HERE, ROOT, type Lab } from './subjects/lab.ts'
import { missingPeers } from './subjects/proxies.ts'
import { judge, type Found } from './targets.ts'

const EXIT_USAGE = 64
const CONNECTIONS = 50
/** Load average of a machine that has something else to do. */
const BUSY = 0.7

const RUNS: Record<CaseName, (lab: Lab) => Promise<Found>> = {
  proxy: async (lab) => ({ cases: await proxyCase(lab) }),
  upload: async (lab) => ({ cases: await uploadCase(lab) }),
  services: async (lab) => ({ cases: await servicesCase(lab) }),
  path: async (lab) => ({ cases: await pathCase(lab) }),
  identity: identityCase,
  collector: async (lab) => ({ cases: await collectorCase(lab) }),
  start: async (lab) => ({ cases: {}, start: await startCase(lab) }),
}

function optionsOrUsage(): Options {
  try {
    return parseOptions(process.argv.slice(2))
  } catch (error) {
    console.error(`${(error as Error).message}\n${USAGE}`)
    process.exit(EXIT_USAGE)
  }
}

async function runCases(lab: Lab, names: CaseName[]): Promise<Found> {
  const found: Found = { cases: {} }
  for (const name of names) {
    console.log(`measuring ${name} ...`)
    const { cases, ...more } = await RUNS[name](lab)
    Object.assign(found.cases, cases)
    Object.assign(found, more)
  }
  return found
}

const options = optionsOrUsage()
if (process.platform !== 'linux') {
  console.error('CPU and memory of a process are read from /proc, so the bench runs on Linux only.')
  process.exit(1)
}
installPeers()
const machine = describeMachine()
if ((loadavg()[0] as number) > BUSY)
  console.warn(`This machine is busy (load ${machine['load average before']}): figures will be high and uneven.`)
// Beside the product's data: durable writes must meet a disk, and a temporary folder may be memory.
mkdirSync(path.join(ROOT, 'data'), { recursive: true })
const folder = mkdtempSync(path.join(ROOT, 'data', 'bench-'))

process.on('exit', () => {
  killAll()
  rmSync(folder, { recursive: true, force: true })
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void stopAll().finally(() => process.exit(1)))
}

try {
  const startedAt = performance.now()
  const { rounds, duration, warmup, reports } = options
  const plan = { rounds, seconds: duration, connections: CONNECTIONS, warmup }
  const load = await startLoad(path.join(folder, 'generator.log'))
  const found = await runCases({ folder, load, plan, reports }, options.only)
  const source = describeSource()
  if (source !== machine.source) {
    console.warn(`The source changed during the run (now ${source}): its cases are not of one program.`)
    machine.source += `, at the end ${source}`
  }
  const seconds = (performance.now() - startedAt) / 1000
  const run: Run = { machine, options, found, verdicts: judge(found), missing: missingPeers(), seconds }
  console.log(terminalReport(run))
  if (options.only.length === CASES.length) console.log(`written: ${writeReport(run, path.join(HERE, 'results'))}.md`)
} catch (error) {
  console.error(error)
  process.exitCode = 1
} finally {
  await stopAll()
}
process.exit()
