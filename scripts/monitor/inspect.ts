import type { Access } from './access.ts'
import { gradeOf } from './grade.ts'
import { budgetChecks, runLoad, type LoadSettings } from './load.ts'
import { lookAt, lookAtHost, systemChecks } from './look.ts'
import type { Check, Problem, Run } from './run.ts'
import { ScratchError } from './scratch.ts'
import { mayLoad, type Watched } from './targets.ts'

/** What was asked for cannot be done with these targets; one line. */
export class LoadRefused extends Error {}

/**
 * Where the load goes: the gateway among the targets.
 * @throws LoadRefused without one, or when it is another machine's that the targets file does not open for load
 */
export function loadTarget({ targets }: Watched): string {
  const gateway = targets.find(({ contract }) => contract === 'gateway')
  if (gateway === undefined) throw new LoadRefused('--load needs a target with the contract "gateway"')
  if (mayLoad(gateway)) return gateway.url
  throw new LoadRefused(
    `--load is refused for ${gateway.url}: it is not this machine; a targets file can allow it with "load": true`,
  )
}

export interface LoadOrder {
  settings: LoadSettings
  access: Access
}

const NO_KEY = /^HTTP 40[13]$/

/** The load and the checks of its budgets; without scratch data there is no load, which is a failed check. */
async function loadOf(origin: string, watched: Watched, { settings, access }: LoadOrder, signal?: AbortSignal) {
  try {
    const load = await runLoad(origin, settings, access, signal)
    return { load, checks: budgetChecks(load, watched.budgets) }
  } catch (error) {
    if (!(error instanceof ScratchError)) throw error
    const code = NO_KEY.test(error.got) ? 'no-key' : 'no-scratch'
    const problem: Problem = { code, values: { path: error.path, got: error.got } }
    const check: Check = { target: 'load', name: 'scratch', kind: 'probe', decides: false, ok: false, problem }
    return { checks: [check] }
  }
}

/**
 * One whole look: status of all targets at once, then the load when it is asked for and every critical process is up.
 * @throws LoadRefused see {@link loadTarget}
 */
export async function inspect(
  watched: Watched,
  dataDir: string,
  order?: LoadOrder,
  signal?: AbortSignal,
): Promise<Run> {
  const origin = order === undefined ? '' : loadTarget(watched)
  const started = new Date()
  const [host, ...targets] = await Promise.all([
    lookAtHost(dataDir),
    ...watched.targets.map((target) => lookAt(target, watched.limits)),
  ])
  const isDown = targets.some((target) => target.critical && target.state === 'down')
  const loaded = order === undefined || isDown ? { checks: [] } : await loadOf(origin, watched, order, signal)
  const parts = {
    targets,
    checks: [...systemChecks(targets, host, watched.limits), ...loaded.checks],
    ...('load' in loaded ? { load: loaded.load } : {}),
  }
  return {
    schema: 'najimban-health/1',
    started_at: started.toISOString(),
    finished_at: new Date().toISOString(),
    ...gradeOf(parts),
    host,
    ...parts,
    ...(order !== undefined && isDown ? { load_skipped: 'down' } : {}),
  }
}
