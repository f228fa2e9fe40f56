import type { FastifyRequest } from 'fastify'
import { auditedAs, type AuditResult } from '#shared/audit/row.ts'

const SERVER_ERROR = 500
/** Answers with which the gateway turns requests away by itself. */
const REFUSALS = new Set([400, 401, 403, 413, 417, 429, 431])

/**
 * What came of a request that the gateway answered itself, for the audit log: it refused it, or the service that it would have
 * changed something in did not answer. What a service answers is recorded there.
 */
export function ownResult(request: FastifyRequest, status: number): AuditResult | undefined {
  if (request.isForwarded) return undefined
  if (REFUSALS.has(status)) return 'refused'
  return status >= SERVER_ERROR ? auditedAs(request, status) : undefined
}
