import { READ_METHODS } from '../methods.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Unread } from '../answered.ts'
import type { Caller } from '../caller.ts'
import { PERMISSIONS, SERVICE_ROLE, type PermissionClass } from '../permissions.ts'
import type { ProcessName } from '../ports.ts'
import { CATALOG } from '../problem.ts'
import type { AuditEvent } from './event.ts'

export type AuditResult = 'allowed' | 'refused' | 'failed'

/** One row of the audit log: who did what, from where, and what came of it. */
export interface AuditRow {
  /** Unique; who sends a row twice adds it once. */
  id: string
  /** Milliseconds since 1970. */
  time: number
  /** The process that answered. */
  service: ProcessName
  request_id: string
  event: string
  actor: string
  credential: string | null
  tenant: string
  ip: string
  user_agent: string | null
  method: string
  /** Without the query: it may hold a token. */
  path: string
  permission: string | null
  status: number
  result: AuditResult
  target: string | null
  /** JSON. */
  detail: string | null
}

const REFUSALS = new Set([401, 403, 429])
const TEXT_MAX_LENGTH = 512

const cut = (text: string): string => (text.length > TEXT_MAX_LENGTH ? text.slice(0, TEXT_MAX_LENGTH) : text)

/** Who did it, as far as it is proven; what a caller in open access only says of itself is marked as such. */
export function actorOf(caller: Caller | undefined): string {
  if (caller === undefined) return 'anonymous'
  const { user, credential } = caller
  if (credential === undefined) return user === undefined ? 'anonymous' : `open:${cut(user)}`
  return user === undefined ? credential : `account:${user}`
}

/** Whether a request that was answered belongs into the audit log. */
function isAudited(request: FastifyRequest, status: number): boolean {
  if (request.auditEvent !== undefined) return true
  const { permission } = request.routeOptions.config
  // Whoever is no process and asks what only processes ask is refused, and that is a row.
  if (permission === 'internal' && (request.caller as Caller | undefined)?.roles.includes(SERVICE_ROLE)) return false
  if (!READ_METHODS.has(request.method) || REFUSALS.has(status)) return true
  return permission !== undefined && (PERMISSIONS[permission] as PermissionClass).audited === true
}

/**
 * What came of a request, for the audit log; undefined for one that does not belong there: that changed nothing, was not
 * refused, is of no class that is watched, and whose handler did not say what it was about. Of what processes ask one another
 * only the last counts.
 */
export const auditedAs = (request: FastifyRequest, status: number): AuditResult | undefined =>
  !isAudited(request, status) ? undefined : REFUSALS.has(status) ? 'refused' : status < 400 ? 'allowed' : 'failed'

/** The row of a request that was answered. @param id unique among all processes */
export function rowOf(
  service: ProcessName,
  id: string,
  request: FastifyRequest,
  reply: FastifyReply,
  result: AuditResult,
): AuditRow {
  const { auditEvent, method, url, routeOptions } = request
  const caller = request.caller as Caller | undefined
  const status = reply.raw.statusCode
  const userAgent = request.headers['user-agent']
  const query = url.indexOf('?')
  return {
    id,
    time: Date.now(),
    service,
    request_id: request.id,
    event: auditEvent?.event ?? `${method} ${routeOptions.url ?? 'unknown'}`,
    actor: auditEvent?.actor ?? actorOf(caller),
    credential: caller?.credential ?? null,
    tenant: auditEvent?.tenant ?? caller?.tenant ?? 'default',
    ip: caller?.ip ?? (request.ip as string | undefined) ?? '',
    user_agent: userAgent === undefined ? null : cut(userAgent),
    method,
    path: cut(query < 0 ? url : url.slice(0, query)),
    permission: routeOptions.config.permission ?? null,
    status,
    result,
    target: auditEvent?.target ?? null,
    detail: auditEvent?.detail === undefined ? null : JSON.stringify(auditEvent.detail),
  }
}

/** The row of a request that nobody could read. @param id unique among all processes */
export const unreadRow = (service: ProcessName, id: string, { problem, ip }: Unread): AuditRow => ({
  ...ownRow(service, id, 'request.unread', { problem }),
  actor: 'anonymous',
  ip,
  status: CATALOG[problem][0],
  result: 'refused',
})

/** The row of something that a process did by itself. @param id unique among all processes */
export const ownRow = (
  service: ProcessName,
  id: string,
  event: string,
  detail: NonNullable<AuditEvent['detail']>,
): AuditRow => ({
  id,
  time: Date.now(),
  service,
  request_id: '',
  event,
  actor: `process:${service}`,
  credential: null,
  tenant: 'default',
  ip: '',
  user_agent: null,
  method: '',
  path: '',
  permission: null,
  status: 0,
  result: 'allowed',
  target: null,
  detail: JSON.stringify(detail),
})
