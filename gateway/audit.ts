import type { FastifyRequest } from 'fastify'
import { isAudited } from '#shared/audit/row.ts'

const SERVER_ERROR = 500
/** Answers with which the gateway turns requests away by itself. */
const REFUSALS = new Set([400, 401, 403, 413, 417, 429, 431])

/**
 * Whether the gateway answered a request itself in a way that belongs into the audit log: it refused it, or the service that
 * it would have changed something in did not answer. What a service answers is recorded there.
 */
export function isOwnRefusal(request: FastifyRequest, status: number): boolean {
  if (request.isForwarded) return false
  return REFUSALS.has(status) || (status >= SERVER_ERROR && isAudited(request, status))
}
