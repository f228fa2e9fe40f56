import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { PORTS } from '#shared/ports.ts'
import { createApi, GatewayAway, Refused } from './demo/api.ts'
import { addCalendar, removeCalendar } from './demo/calendar.ts'
import { addDiary, removeDiary } from './demo/diary.ts'
import { addReports, removeReports } from './demo/reports.ts'

const HELP = `Fills the running services with believable Korean and English data, through the gateway like any client.
Running it twice adds nothing twice; what it added can be removed again, and nothing else is touched.

  npm run demo                      add
  npm run demo -- --remove          remove
  npm run demo -- --user kim        for another user (open access only)
  NAJIMBAN_KEY=njm_... npm run demo  with an API key, where access is required (its owner gets the data)
  npm run demo -- --gateway URL     another gateway than http://127.0.0.1:${PORTS.gateway}`

const { values } = parseArgs({
  options: {
    remove: { type: 'boolean', default: false },
    user: { type: 'string' },
    gateway: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})
if (values.help) {
  console.log(HELP)
  process.exit(0)
}

/** The monitor's key keeps the demo from using up a person's rate limit; without it the demo still works. */
function monitorKey(): string | undefined {
  if (process.env.MONITOR_KEY) return process.env.MONITOR_KEY
  try {
    return readFileSync(path.join(process.env.DATA_DIR || 'data', 'monitor.key'), 'utf8').trim()
  } catch {
    return undefined
  }
}

/** With access required a key of identity (NAJIMBAN_KEY) lets the demo in; else the collector asks for its own. */
const [tenant = '', key = ''] = (process.env.API_KEYS || 'default:collector-key').split(',', 1)[0]?.split(':') ?? []
const port = process.env.GATEWAY_PORT || PORTS.gateway
const api = createApi({
  gateway: values.gateway ?? `http://${process.env.HOST || '127.0.0.1'}:${port}`,
  headers: {
    ...(values.user === undefined ? {} : { 'x-user-id': values.user }),
    ...(process.env.NAJIMBAN_KEY
      ? { 'x-api-key': process.env.NAJIMBAN_KEY }
      : { 'x-tenant': tenant, 'x-api-key': key }),
    ...(monitorKey() === undefined ? {} : { 'x-monitor-key': monitorKey() as string }),
  },
})
const today = Temporal.Now.plainDateISO('Asia/Seoul')
const parts = values.remove
  ? { calendar: removeCalendar, diary: removeDiary, reports: removeReports }
  : { calendar: addCalendar, diary: addDiary, reports: addReports }
try {
  for (const [name, work] of Object.entries(parts)) {
    console.log(`${name.padEnd(9)} ${await work(api, today)}`)
  }
} catch (error) {
  console.error(error instanceof GatewayAway || error instanceof Refused ? error.message : error)
  process.exit(1)
}
