import Table from 'cli-table3'
import { adminHost } from '#shared/config.ts'
import type { Ready } from './supervisor.ts'

const WHAT: Record<Ready['name'], string> = {
  gateway: 'the door: everything goes through it; /docs to look around',
  calendar: 'events, tags, to-dos',
  diary: 'diary entries and their images',
  collector: 'quality reports from apps and CI',
  identity: 'accounts, tokens, keys, roles, audit log',
}

const BARE = { head: [], border: [], compact: true }

/** What listens where, and one line to try it. */
export function startTable(
  ready: Ready[],
  { host, ms, access }: { host: string; ms: number; access: 'open' | 'required' },
): string {
  const table = new Table({ head: ['process', 'address', 'probes and metrics', 'what'], style: BARE })
  const order = [...ready].sort((a, b) => Number(b.name === 'gateway') - Number(a.name === 'gateway'))
  for (const { name, port, adminPort } of order) {
    table.push([name, `http://${host}:${port}`, `http://${adminHost(host)}:${adminPort}/health`, WHAT[name]])
  }
  const first = order[0] as Ready
  const url = `http://${host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host}:${first.port}`
  // What answers anybody, also where people have to sign in first.
  const isOpen = access === 'open'
  const path = {
    gateway: isOpen ? '/api/calendar/events' : '/health',
    calendar: isOpen ? '/api/calendar/events' : '/health',
    diary: isOpen ? '/api/diaries' : '/health',
    collector: '/health',
    identity: '/.well-known/jwks.json',
  }
  return `${table.toString()}\nReady in ${(ms / 1000).toFixed(1)} s. Try:  curl ${url}${path[first.name]}\n`
}
