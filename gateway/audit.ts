import type { FastifyRequest } from 'fastify'
import { auditedAs, type AuditResult } from '#shared/audit/row.ts'
import { networkOf } from '#shared/network.ts'

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

const WINDOW_MS = 60_000
/** Networks together may have this many times what one may have. */
const NETWORKS = 4
const OTHERS = 'others'

/**
 * Lets a network have so many refusals a minute as rows of their own, and counts those beyond: anybody can be refused as often as
 * they like, and would fill the disk with it.
 * @param max rows of one network in a minute
 * @param tell gets what was counted, at the end of the minute
 */
export function createRefusalBudget(max: number, tell: (network: string, refusals: number) => void) {
  const counts = new Map<string, number>()
  let rows = 0
  let timer: NodeJS.Timeout | undefined

  /** Begins the next minute. */
  function end(): void {
    clearTimeout(timer)
    timer = undefined
    for (const [network, count] of counts)
      if (network === OTHERS || count > max) tell(network, network === OTHERS ? count : count - max)
    counts.clear()
    rows = 0
  }

  return {
    end,
    /** Whether this refusal is a row. */
    admits(ip: string): boolean {
      timer ??= setTimeout(end, WINDOW_MS).unref()
      const network = networkOf(ip)
      const before = counts.get(network) ?? 0
      if (before < max && rows >= max * NETWORKS) {
        counts.set(OTHERS, (counts.get(OTHERS) ?? 0) + 1)
        return false
      }
      counts.set(network, before + 1)
      if (before >= max) return false
      rows++
      return true
    },
  }
}
