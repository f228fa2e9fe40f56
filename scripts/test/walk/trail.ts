import type { Person } from './people.ts'
import type { Place } from './places.ts'

/** Where somebody was, and what they were answered. */
export interface Step {
  place: Place
  method: string
  status: number
  /** Of the request. */
  id: string
}

interface Row {
  request_id: string
  event: string
}

const READS = ['GET', 'HEAD']

/** A report that came in is in the log of its tenant alone. */
const isReport = ({ place, status }: Step): boolean => place.permission === 'ingest' && status < 400

/** Whether the audit log must tell of it: a refusal, or something else than a read where there is something. */
export const isOfInterest = (step: Step): boolean => {
  const { method, place, status } = step
  if (isReport(step)) return false
  const isChange = !READS.includes(method) && (place.outside.length > 0 || status !== 404)
  return status === 401 || status === 403 || isChange
}

/** How often the audit logs of these people's tenants tell of each request. That a key was used is a row of its own. */
export async function rowsOf(gateway: string, people: readonly Person[]): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  for (const { headers } of people) {
    const answer = await fetch(`${gateway}/api/audit/export`, { headers })
    const rows = (await answer.text()).trim().split('\n')
    for (const { request_id: id, event } of rows.map((row) => JSON.parse(row) as Row)) {
      if (!event.endsWith('.used')) counts.set(id, (counts.get(id) ?? 0) + 1)
    }
  }
  return counts
}
