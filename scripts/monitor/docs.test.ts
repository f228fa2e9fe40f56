import { readFileSync } from 'node:fs'
import t from 'tap'
import { BUDGETS } from './budgets.ts'
import { COSTS, GRADES } from './grade.ts'
import { LIMITS, LOAD_BOUNDS, LOAD_DEFAULTS, WARMUP_S } from './limits.ts'
import { MIX } from './mix.ts'
import { PROBES } from './probes.ts'

const page = readFileSync(new URL('../../docs/health-monitor.md', import.meta.url), 'utf8')

/** The rows of the table with this heading row, without backticks. */
function rowsOf(heading: string): string[][] {
  // The formatter pads the columns of a table.
  const lines = page.split('\n').map((line) => line.replace(/ {2,}/g, ' '))
  const start = lines.indexOf(heading)
  if (start === -1) throw new Error(`docs/health-monitor.md has no table "${heading}"`)
  const rest = lines.slice(start + 2)
  return rest
    .slice(
      0,
      rest.findIndex((line) => !line.startsWith('|')),
    )
    .map((line) =>
      line
        .replaceAll('`', '')
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

t.test('the documented grades are those of the code', async (t) => {
  t.same(
    rowsOf('| grade | least points |'),
    GRADES.map(([grade, least]) => [grade, String(least)]),
  )
})

t.test('the documented costs are those of the code', async (t) => {
  t.same(
    rowsOf('| failure | costs |'),
    Object.entries(COSTS).map(([kind, points]) => [kind, String(points)]),
  )
})

t.test('the documented limits are those of the code', async (t) => {
  t.same(
    rowsOf('| limit | default |'),
    Object.entries(LIMITS).map(([name, limit]) => [name, String(limit)]),
  )
})

t.test('the documented mix and budgets are those of the code', async (t) => {
  t.same(
    rowsOf('| route | share of the rate | p50 ms | p99 ms | errors |'),
    Object.entries(BUDGETS).map(([route, budget]) => [
      route,
      `${MIX[route as keyof typeof MIX]} %`,
      String(budget.p50_ms),
      String(budget.p99_ms),
      `${budget.error_rate * 100} %`,
    ]),
  )
  t.equal(
    Object.values(MIX).reduce((sum, share) => sum + share, 0),
    100,
    'the shares are percents',
  )
})

t.test('every probe is documented', async (t) => {
  t.same(
    rowsOf('| probe | asks | decides |').map(([name]) => name),
    Object.keys(PROBES),
  )
})

t.test('the documented bounds and defaults of the load are those of the code', async (t) => {
  const { connections, rate, duration } = LOAD_DEFAULTS
  const said = page.replace(/\s+/g, ' ')
  t.match(said, `Defaults: ${connections} connections, ${rate} requests/s, ${duration} seconds`)
  t.match(said, `at most ${LOAD_BOUNDS.connections[1]}, ${LOAD_BOUNDS.rate[1]} and ${LOAD_BOUNDS.duration[1]}`)
  t.match(said, `first ${WARMUP_S} seconds are a warm-up`)
})
