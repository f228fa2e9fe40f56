import { LOAD_BOUNDS, LOAD_DEFAULTS, WATCH_SECONDS } from './limits.ts'

const bounds = (name: keyof typeof LOAD_BOUNDS) =>
  `${LOAD_BOUNDS[name][0]} to ${LOAD_BOUNDS[name][1]}, default ${LOAD_DEFAULTS[name]}`

export const USAGE = `Usage: npm run health -- [options]

  --load               also send load through the gateway and hold it against the budgets
    --connections N    connections (${bounds('connections')})
    --rate R           requests a second over all routes (${bounds('rate')})
    --duration S       seconds that are measured (${bounds('duration')})
  --watch [S]          repeat every S seconds (default ${WATCH_SECONDS.default})
  --json               print the run as JSON and nothing else
  --junit FILE         also write JUnit XML
  --html FILE          also write one self-contained page
  --baseline set       make this run the baseline; --baseline FILE compares with a JSON report
  --targets FILE       other targets, budgets and limits (see docs/health-monitor.md)
  --lang ko|en         language of the report (default: the locale's)

Environment: the ports and addresses of the processes, API_KEYS and MONITOR_KEY as they have them; NAJIMBAN_KEY=njm_...
is the API key that lets the load in where access is required.

Exit code: 0 healthy, 1 degraded or a budget missed, 2 down, 64 wrong usage.
`
