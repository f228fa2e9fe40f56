import { asTenant } from '#shared/scope.ts'
import { testService } from '#shared/test/service.ts'
import type { Test } from 'tap'
import { collectorProcess } from '../app.ts'
import { createPreparation } from '../ingest/prepare.ts'
import { openCollectorDatabase } from '../migrations.ts'
import { createCommands } from '../writer/commands.ts'

const API_KEYS = 'default:collector-key,teamA:teamA-key,teamA:teamA-other:sender,teamB:teamB-key'

export interface Asked {
  method?: 'GET' | 'POST' | 'PUT' | 'DELETE' | 'HEAD'
  payload?: unknown
  headers?: Record<string, string>
}

export const DEFAULT_KEY = { 'x-tenant': 'default', 'x-api-key': 'collector-key' }
export const TEAM_A = { 'x-tenant': 'teamA', 'x-api-key': 'teamA-key' }
export const TEAM_A_SENDER = { 'x-tenant': 'teamA', 'x-api-key': 'teamA-other' }
export const TEAM_B = { 'x-tenant': 'teamB', 'x-api-key': 'teamB-key' }

/** A report whose evaluations have these severities. */
export const judged = (...severities: string[]) => ({
  status: { api: 'pass' },
  policy: { evaluations: severities.map((severity) => ({ severity, rule: 'r', result: 'x' })) },
})

/** A collector with four keys; `ask` sends as the tenant default, `ingest` answers the new report's id. */
export async function collector(t: Test, env: Record<string, string> = {}) {
  const service = await testService(t, collectorProcess, { API_KEYS, ...env })
  /** A connection of the test's own, beside the writer's and the service's. */
  const database = openCollectorDatabase(service.config)
  t.teardown(() => database.close())
  const direct = createCommands(database, { ...service.config, INGEST_DEDUPE_HOURS: 0 }, () => {
    throw new Error('what a test stores directly has no Idempotency-Key')
  })
  const prepare = createPreparation(service.config, direct.validators)
  const ask = (url: string, { method = 'GET', payload, headers = {} }: Asked = {}) =>
    service.app.inject({
      method,
      url,
      headers: { ...DEFAULT_KEY, ...headers },
      ...(payload === undefined ? {} : { payload: payload as object }),
    })
  const ingest = async (payload: unknown = { status: { api: 'pass' } }, headers: Record<string, string> = {}) => {
    const answer = await ask('/ingest/qc', { method: 'POST', payload, headers })
    t.equal(answer.statusCode, 201, answer.body)
    return answer.json<{ id: string }>().id
  }
  /** Stores a report of the tenant as if it had come at that time (milliseconds since 1970). */
  const ingestAt = (createdAt: number, payload: object = { status: { api: 'pass' } }, tenant = 'default') => {
    direct.validators.refresh()
    const prepared = prepare({ tenantId: asTenant(tenant), text: JSON.stringify(payload) }, createdAt)
    if ('refused' in prepared) throw new Error(JSON.stringify(prepared.refused))
    direct.ingest.add([prepared.report])
    return prepared.report.id
  }
  return { ...service, database, commands: direct.commands, ask, ingest, ingestAt }
}
