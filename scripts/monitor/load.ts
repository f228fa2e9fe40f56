import { exemption, type Access } from './access.ts'
import { BUDGETS, type Budget, type Budgets } from './budgets.ts'
import { drive } from './drive.ts'
import { WARMUP_S } from './limits.ts'
import { planMix } from './mix.ts'
import type { Check, LoadRun, Problem, RouteRun } from './run.ts'
import { makeScratch } from './scratch.ts'

export interface LoadSettings {
  connections: number
  rate: number
  duration_s: number
  warmup_s?: number
}

/**
 * The mix of real routes through the gateway, on scratch data that is removed afterwards, also when the run is cut short.
 * @param signal ends the run early; what was measured until then is the result
 * @throws ScratchError when the scratch data cannot be made
 */
export async function runLoad(
  origin: string,
  settings: LoadSettings,
  { monitorKey, apiKey }: Access,
  signal?: AbortSignal,
): Promise<LoadRun> {
  const { connections, rate, duration_s, warmup_s = WARMUP_S } = settings
  const scratch = await makeScratch(origin, exemption(monitorKey), apiKey)
  const plans = planMix(scratch, rate, connections)
  let removed = { made: 0, left: 0 }
  const driven = await drive(origin, plans, {
    duration_s,
    warmup_s,
    ...(signal === undefined ? {} : { signal }),
  }).finally(async () => (removed = await scratch.remove()))
  return { connections, rate, duration_s, warmup_s, ...driven, scratch: removed }
}

function budgetCheck(route: string, measure: keyof Budget, limit: number, got: number | null): Check {
  const problem: Problem | undefined =
    got === null
      ? { code: 'nothing-measured', values: { route } }
      : got > limit
        ? { code: 'budget', values: { route, measure, limit, got } }
        : undefined
  return {
    target: 'load',
    name: `${route} ${measure}`,
    kind: 'budget',
    decides: false,
    ok: problem === undefined,
    ...(problem === undefined ? {} : { problem }),
  }
}

const MEASURES = {
  p50_ms: (route: RouteRun) => route.latency_ms.p50,
  p99_ms: (route: RouteRun) => route.latency_ms.p99,
  error_rate: (route: RouteRun) => (route.offered === 0 ? null : route.error_rate),
} as const satisfies Record<keyof Budget, (route: RouteRun) => number | null>

/** A check for each figure of each route that has a budget. Nothing measured is a budget missed. */
export function budgetChecks(load: Pick<LoadRun, 'routes'>, budgets: Budgets = BUDGETS): Check[] {
  return load.routes.flatMap((route) =>
    (Object.entries(budgets[route.route] ?? {}) as [keyof Budget, number][]).map(([measure, limit]) =>
      budgetCheck(route.route, measure, limit, MEASURES[measure](route)),
    ),
  )
}
