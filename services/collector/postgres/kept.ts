import type pg from 'pg'
import type { PostgresConfig } from './settings.ts'
import { textOf, type Statement } from './sql.ts'

/** Statements that have a name, in a process; each server process keeps each with its plan. */
const NAMES_MAX = 300
/**
 * What has no choice: INSERT of what goes over with it, and what reads no table. The plan that the server keeps of what searches a table
 * may be one of when that was empty, and takes ever longer until there are statistics.
 */
const KEPT = /^\s*(?:INSERT INTO|SELECT (?:set_config|pg_advisory_xact_lock)\()(?!.*\sFROM (?!unnest\())/s

const names = new Map<string, string>()
/** Names that the server behind a connection knows. Connections whose statements have no names are not here. */
const known = new WeakMap<object, Set<string>>()

/** What pg does not say of its clients. */
interface Inside {
  connection: object
  processID: number
}

/**
 * Whether a server process is at the other end. A pooler tells its clients other numbers: its next transaction may be another process's.
 * @see https://www.postgresql.org/docs/15/protocol-message-formats.html (BackendKeyData)
 */
async function isDirect(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  return rows[0]?.pid === (client as unknown as Inside).processID
}

/** To be called once for each connection: decides whether statements have names on it. */
export async function decideNames(
  client: pg.ClientBase,
  prepared: PostgresConfig['COLLECTOR_DATABASE_PREPARED'],
): Promise<void> {
  const isKept = prepared === 'on' || (prepared === 'auto' && (await isDirect(client)))
  if (isKept) known.set((client as unknown as Inside).connection, new Set())
}

/** A statement as it goes over a connection. */
export interface Sent {
  text: string
  /** Of a prepared statement; '' for one that is good for the next BIND only. */
  name: string
  /** Whether the server knows the name. */
  isKnown: boolean
}

function nameOf(text: string): string {
  const name = names.get(text)
  if (name !== undefined) return name
  if (names.size === NAMES_MAX || !KEPT.test(text)) return ''
  names.set(text, `kept_${names.size}`)
  return nameOf(text)
}

/** How a statement is sent; what has a name is taken to be known from then on. */
export function sentOn(connection: object, statement: Statement): Sent {
  const text = textOf(statement)
  const here = known.get(connection)
  const name = here === undefined ? '' : nameOf(text)
  const isKnown = here?.has(name) === true
  if (name !== '') here?.add(name)
  return { text, name, isKnown }
}

/** To be called with names that were sent and may never have been read. */
export function forget(connection: object, unsure: readonly string[]): void {
  for (const name of unsure) known.get(connection)?.delete(name)
}
