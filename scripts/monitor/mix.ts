import type { MixRoute } from './budgets.ts'
import type { RoutePlan } from './drive.ts'
import type { Scratch } from './scratch.ts'

/** Share of the offered rate for each route; a dashboard reads far more than it writes. */
export const MIX = {
  'GET /api/calendar/events': 30,
  'GET /api/calendar/events/:id': 15,
  'POST /api/calendar/events': 10,
  'GET /api/diaries': 15,
  'POST /ingest/qc': 10,
  'GET /reports': 10,
  'GET /timeline': 10,
} as const satisfies Record<MixRoute, number>

type Sent = Pick<RoutePlan, 'method' | 'path' | 'headers' | 'body' | 'onAnswer'>

function requests(scratch: Scratch): Record<MixRoute, Sent> {
  const { user, tenant, month, eventId } = scratch
  const created = (status: number, body: string) => (status === 201 ? scratch.adopt(body) : undefined)
  return {
    'GET /api/calendar/events': { method: 'GET', path: `/api/calendar/events?${month}`, headers: user },
    'GET /api/calendar/events/:id': { method: 'GET', path: `/api/calendar/events/${eventId}`, headers: user },
    'POST /api/calendar/events': {
      method: 'POST',
      path: '/api/calendar/events',
      headers: { ...user, 'content-type': 'application/json' },
      body: scratch.newEvent,
      onAnswer: created,
    },
    'GET /api/diaries': { method: 'GET', path: '/api/diaries?page=1&limit=20', headers: user },
    'POST /ingest/qc': {
      method: 'POST',
      path: '/ingest/qc',
      headers: { ...tenant, 'content-type': 'application/json' },
      body: scratch.newReport,
      onAnswer: created,
    },
    'GET /reports': { method: 'GET', path: '/reports?page=1&limit=20', headers: tenant },
    'GET /timeline': { method: 'GET', path: '/timeline?window_h=24', headers: tenant },
  }
}

/** One connection for each route at least, the others where the most is sent over each. */
function shareConnections(connections: number): Record<MixRoute, number> {
  const routes = Object.keys(MIX) as MixRoute[]
  const shared = Object.fromEntries(routes.map((route) => [route, 1])) as Record<MixRoute, number>
  const load = (route: MixRoute) => MIX[route] / shared[route]
  for (let left = connections - routes.length; left > 0; left -= 1) {
    shared[routes.reduce((busiest, route) => (load(route) > load(busiest) ? route : busiest))] += 1
  }
  return shared
}

/**
 * The mix as plans: each route gets its share of the rate and of the connections.
 * @param rate requests a second over all routes
 */
export function planMix(scratch: Scratch, rate: number, connections: number): RoutePlan[] {
  const sent = requests(scratch)
  const shared = shareConnections(connections)
  const whole = Object.values(MIX).reduce((sum, share) => sum + share, 0)
  return (Object.entries(MIX) as [MixRoute, number][]).map(([route, share]) => ({
    route,
    ...sent[route],
    rate: (rate * share) / whole,
    connections: shared[route],
  }))
}
