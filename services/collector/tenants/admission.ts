import { Problem } from '#shared/problem.ts'
import type { RecordRules } from '#shared/audit/recorder.ts'
import { auditedAs } from '#shared/audit/row.ts'
import type { Caller } from '#shared/caller.ts'
import { hasRole, type PermissionName } from '#shared/permissions.ts'
import type { Tenant } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { FastifyRequest, onRequestHookHandler } from 'fastify'
import { createQuotaGate, overQuota, type Over } from './quotas.ts'
import type { Refusals } from './refusals.ts'
import type { Standings } from './standings.ts'
import type { CollectorConfig } from '../config.ts'

type Who = Pick<Caller, 'tenant' | 'roles'>

/** Who is let in, and with how much. */
export interface Admission {
  gate: ReturnType<typeof createQuotaGate>
  refusals: Refusals
  /** @throws Problem forbidden (403) for a tenant that is suspended, unless this is what its administrators may still do */
  requireActive(who: Who, permission?: PermissionName): Promise<void>
  /** The refusal of a report; it is counted, and in no log: an entry for each would cost more than the refusal. */
  refuse(over: Over, request: FastifyRequest): Problem
  /** Counts what was refused because too much waits. @throws the error */
  overloaded(tenant: Tenant, reports: number): (error: unknown) => never
}

interface AdmissionParts {
  standings: Standings
  config: CollectorConfig
  refusals: Refusals
}

/** What a suspended tenant's administrators may still do: take its data with them. */
const mayStill = ({ roles }: Who, permission: PermissionName | undefined): boolean =>
  permission === 'reports.export' && hasRole(roles, 'admin')

const suspended = (tenant: Tenant) => {
  const error = `The tenant ${tenant} is suspended`
  return new Problem('forbidden', { error, detail: error })
}

export function createAdmission({ standings, config, refusals }: AdmissionParts): Admission {
  return {
    gate: createQuotaGate({ standings, config }),
    refusals,
    async requireActive(who, permission) {
      if ((await standings.of(who.tenant)).state !== 'suspended' || mayStill(who, permission)) return
      refusals.count(who.tenant, 'suspended')
      throw suspended(who.tenant)
    },
    refuse(over, request) {
      const { tenant } = request.caller
      request.auditTenant = ''
      refusals.count(tenant, over.quota)
      return overQuota(over, tenant)
    },
    overloaded: (tenant, reports) => (error) => {
      if (error instanceof Problem && error.problem === 'overloaded') refusals.count(tenant, 'overloaded', reports)
      throw error
    },
  }
}

/** A suspended tenant is refused on every route, from the moment on in which it is suspended. */
export function refuseSuspended(app: App, standings: Standings, refusals: Refusals): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { permission } = request.routeOptions.config
    if (request.is404 || permission === undefined || permission === 'public' || permission === 'internal') return done()
    const { tenant } = request.caller
    const judge = ({ state }: { state: string }) => {
      if (state !== 'suspended' || mayStill(request.caller, permission)) return done()
      refusals.count(tenant, 'suspended')
      done(suspended(tenant))
    }
    const standing = standings.of(tenant)
    if (standing instanceof Promise) standing.then(judge, done)
    else judge(standing)
  })
}

/**
 * Reports that come in are no rows of the system's audit log: they are there to be seen, and in their tenant's log of requests. Those
 * that a quota refuses are counted.
 */
export const ingestRules: RecordRules = {
  judge: (request, status) =>
    (status < 400 || status === 429) && request.routeOptions.config.permission === 'ingest'
      ? undefined
      : auditedAs(request, status),
}

/** The body of a batch may be anything, and of one that is coded nobody knows the size. */
const UNKNOWN_BYTES = 1

/**
 * Refuses a report whose tenant has no room for it, before its body is read.
 * @param isSingle whether the body is one report, so that its length is the report's
 */
export const admitIngest =
  ({ gate, refuse }: Admission, isSingle: boolean): onRequestHookHandler =>
  (request, _reply, done) => {
    const { tenant } = request.caller
    const length = isSingle ? Number(request.headers['content-length'] ?? UNKNOWN_BYTES) : UNKNOWN_BYTES
    const over = gate.check(tenant, length)
    if (over === undefined) done()
    else done(refuse(over, request))
  }
