import { ConfigError, readConfig, toolEnv } from '#shared/config.ts'
import { accessOf } from './monitor/access.ts'
import { EXIT_USAGE, UsageError } from './monitor/args.ts'
import { ask } from './monitor/ask.ts'
import { loadTarget, LoadRefused } from './monitor/inspect.ts'
import { LOAD_BOUNDS, LOAD_DEFAULTS } from './monitor/limits.ts'
import { METHODS, readLoadOptions } from './monitor/load-args.ts'
import { routeLoadText, runRouteLoad } from './monitor/route-load.ts'
import { monitorSettings } from './monitor/settings.ts'
import { readTargets } from './monitor/targets.ts'

const bounds = (name: keyof typeof LOAD_BOUNDS) => `${LOAD_BOUNDS[name].join(' to ')}, default ${LOAD_DEFAULTS[name]}`

const USAGE = `Usage: npm run load -- --route PATH [options]

Load on one route of the running gateway, exempt from its rate limits by the monitor's key.

  --route PATH         path and query, for example /api/calendar/events
  --method M           ${METHODS.join(', ')} (default GET)
  --body FILE|JSON     body of each request; what it writes is not removed afterwards
  --header "N: V"      a further header, may be repeated
  --connections N      ${bounds('connections')}
  --rate R             requests a second, ${bounds('rate')}
  --duration S         seconds that are measured, ${bounds('duration')}
  --json               print the figures as JSON

Exit code: 0 every answer was 2xx, 1 there were errors, 2 the gateway does not answer, 64 wrong usage.
`

async function main(): Promise<number> {
  const options = readLoadOptions(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const config = readConfig(monitorSettings, toolEnv(process.env))
  const origin = loadTarget(readTargets(config))
  const alive = await ask(`${origin}/health`)
  if (alive.problem !== undefined) {
    process.stderr.write(`load: the gateway does not answer at ${origin}; start it with: npm start\n`)
    return 2
  }
  if (accessOf(config).monitorKey === undefined) process.stderr.write('load: no monitor key, so rate limits apply\n')
  const stopping = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort())
  const driven = await runRouteLoad(origin, options, config, stopping.signal)
  process.stdout.write(options.json ? `${JSON.stringify(driven, null, 2)}\n` : routeLoadText(options, driven))
  return driven.total.error_rate > 0 ? 1 : 0
}

process.exitCode = await main().catch((error: unknown) => {
  const isUsage = error instanceof UsageError || error instanceof ConfigError || error instanceof LoadRefused
  process.stderr.write(`load: ${isUsage ? error.message : (error as Error).stack}\n`)
  return isUsage ? EXIT_USAGE : 1
})
