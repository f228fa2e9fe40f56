import type { Keyring } from '#shared/keyring.ts'
import { rememberedOf, replayOf, type Remembered } from '#shared/remembered.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Once } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import { given, insertAll, removeSome, type Column } from '../postgres/bulk.ts'
import { rememberedIn, rememberedUnder, storeRemembered, type RememberedRow } from '../postgres/idempotency.ts'
import { EVERY_TENANT } from '../postgres/pool.ts'
import type { ReportPart } from '../postgres/report-part.ts'
import { sql, type Statement } from '../postgres/sql.ts'
import { lockTenant } from '../postgres/tenant-lock.ts'
import { load, type Transaction } from '../postgres/transaction.ts'
import { failureOf, type Outcome } from '../writer/protocol.ts'
import type { ItemOutcome } from './item.ts'
import { ingestedBody, outcomeOf, returnedTwice, type NewReport } from './store.ts'

const HOUR_MS = 3_600_000

type Stored = NewReport & { seq: number }

const COLUMNS: readonly Column<Stored>[] = [
  { name: 'seq', type: 'bigint', of: ({ seq }) => seq },
  { name: 'id', type: 'text', of: ({ id }) => id },
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'createdAt', type: 'bigint', of: ({ createdAt }) => createdAt },
  { name: 'updatedAt', type: 'bigint', of: ({ updatedAt }) => updatedAt },
  { name: 'severity', type: 'text', of: ({ severity }) => severity },
  { name: 'policyVersion', type: 'text', of: ({ policyVersion }) => policyVersion },
  { name: 'markdown', type: 'text', of: ({ markdown }) => markdown },
  { name: 'report', type: 'text', of: ({ report }) => report },
  { name: 'quarantined', type: 'smallint', of: ({ errors }) => (errors.length === 0 ? 0 : 1) },
  { name: 'errors', type: 'text', of: ({ errors }) => (errors.length === 0 ? null : JSON.stringify(errors)) },
  { name: 'schemaName', type: 'text', of: ({ schemaName }) => schemaName },
  { name: 'labels', type: 'text', of: ({ labels }) => labels },
]
const HASH_COLUMNS: readonly Column<NewReport>[] = [
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'hash', type: 'bytea', of: ({ hash }) => hash },
  { name: 'reportId', type: 'text', of: ({ id }) => id },
  { name: 'createdAt', type: 'bigint', of: ({ createdAt }) => createdAt },
]
const HOLD_COLUMNS: readonly Column<NewReport>[] = [
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'reportId', type: 'text', of: ({ id }) => id },
  { name: 'reason', type: 'text', of: ({ hold }) => hold?.reason },
  { name: 'heldBy', type: 'text', of: ({ hold }) => hold?.by },
  { name: 'heldAt', type: 'bigint', of: ({ hold }) => hold?.at },
  { name: 'until', type: 'bigint', of: ({ hold }) => hold?.until },
]
const PLACE_COLUMNS: readonly Column<NewReport>[] = [
  { name: 'createdAt', type: 'bigint', of: ({ createdAt }) => createdAt },
  { name: 'id', type: 'text', of: ({ id }) => id },
]

interface IngestParts {
  config: Pick<CollectorConfig, 'INGEST_DEDUPE_HOURS' | 'IDEMPOTENCY_TTL_HOURS'>
  keyring: Keyring
  parts: readonly ReportPart[]
}

/** Stores reports of one tenant: everything that decides is read in one message, everything that follows is written in one. */
export function createPostgresIngest({ config, keyring, parts }: IngestParts) {
  const dedupeMs = config.INGEST_DEDUPE_HOURS * HOUR_MS
  const ttlMs = config.IDEMPOTENCY_TTL_HOURS * HOUR_MS
  const isClaiming = ({ isRestored }: NewReport) => dedupeMs > 0 && !isRestored

  function toLoad(tenantId: Tenant, reports: readonly NewReport[]): (Statement | undefined)[] {
    const claiming = reports.filter(isClaiming)
    const keys = reports.flatMap(({ once }) => (once === undefined ? [] : [once.key]))
    const cutoff = Math.min(...claiming.map(({ createdAt }) => createdAt)) - dedupeMs
    return [
      // The content is taken when nobody has it, or who had it is too long ago or deleted. Months before are not planned for.
      claiming.length === 0
        ? undefined
        : sql`SELECT hash, reportId AS "reportId" FROM report_hashes AS known
            WHERE tenantId = ${tenantId} AND hash = ANY(${claiming.map(({ hash }) => hash)}::bytea[]) AND createdAt > ${cutoff}
              AND EXISTS (SELECT 1 FROM reports
                WHERE createdAt = split_part(known.reportId, '-', 2)::bigint AND id = known.reportId AND createdAt > ${cutoff})`,
      keys.length === 0 ? undefined : rememberedUnder(tenantId, keys, ttlMs),
      sql`SELECT nextval('report_order') AS seq FROM generate_series(1, ${reports.length}::int)`,
    ]
  }

  /** Who has the ids of those that come back and are there: an id is of one report only. */
  async function presentOf(
    tx: Transaction,
    tenantId: Tenant,
    reports: readonly NewReport[],
  ): Promise<Map<string, string>> {
    const restored = reports.filter(({ isRestored }) => isRestored)
    if (restored.length === 0) return new Map()
    tx.actAs(EVERY_TENANT)
    const found = await tx.all<{ id: string; owner: string }>(
      sql`SELECT id, tenantId AS owner FROM reports WHERE (createdAt, id) IN (SELECT createdAt, id FROM ${given(PLACE_COLUMNS, restored)})`,
    )
    tx.actAs(tenantId)
    return new Map(found.map(({ id, owner }) => [id, owner]))
  }

  /** What became of each report, in their order; within a transaction of the tenant. */
  return async (tx: Transaction, tenantId: Tenant, reports: readonly NewReport[]): Promise<Outcome<ItemOutcome>[]> => {
    tx.later(lockTenant(tenantId))
    const asked = parts.map((part) => part.load?.(tenantId, reports) ?? [])
    const present = await presentOf(tx, tenantId, reports)
    const [hashes = [], keys = [], seqs = [], ...rest] = await load(tx, ...toLoad(tenantId, reports), ...asked.flat())
    const order = (seqs as { seq: number }[]).values()
    const sessions = parts.map((part, at) => part.session(tenantId, rest.splice(0, asked[at]?.length)))
    const holders = new Map(
      (hashes as { hash: Buffer; reportId: string }[]).map(({ hash, reportId }) => [hash.toString('hex'), reportId]),
    )
    const answers = new Map((keys as RememberedRow[]).map((row) => [row.key, rememberedIn(row)]))
    const stored: Stored[] = []
    const kept: { once: Once; remembered: Remembered }[] = []

    function addOne(report: NewReport): ItemOutcome {
      const { id } = report
      const owner = report.isRestored ? present.get(id) : undefined
      if (owner !== undefined) return returnedTwice(id, owner === tenantId)
      if (isClaiming(report)) {
        const hash = report.hash.toString('hex')
        const holder = holders.get(hash)
        if (holder !== undefined) return { status: 'duplicate', id: holder }
        holders.set(hash, id)
      }
      present.set(id, tenantId)
      const { seq } = order.next().value as { seq: number }
      stored.push({ ...report, seq })
      let dropped = 0
      for (const session of sessions) dropped += session.add(report, seq) ?? 0
      return outcomeOf(report, dropped)
    }

    function addOnce(report: NewReport, once: Once): ItemOutcome {
      const answer = answers.get(once.key)
      if (answer !== undefined) {
        const { body } = replayOf(once, answer, () => keyring)
        return { status: 'duplicate', id: (JSON.parse(body) as { id: string }).id }
      }
      const outcome = addOne(report)
      const { id } = outcome as { id: string }
      const remembered = rememberedOf(once, { status: 201, body: ingestedBody(id) }, () => keyring)
      answers.set(once.key, remembered)
      kept.push({ once, remembered })
      return outcome
    }

    const outcomes = reports.map((report): Outcome<ItemOutcome> => {
      try {
        return { value: report.once === undefined ? addOne(report) : addOnce(report, report.once) }
      } catch (error) {
        return { failure: failureOf(error) }
      }
    })
    if (stored.length > 0) tx.later(insertAll('reports', COLUMNS, stored))
    const claimed = stored.filter(isClaiming)
    if (claimed.length > 0) {
      const take = sql`ON CONFLICT (tenantId, hash) DO UPDATE SET reportId = excluded.reportId, createdAt = excluded.createdAt`
      tx.later(insertAll('report_hashes', HASH_COLUMNS, claimed, take))
    }
    const held = stored.filter(({ hold }) => hold !== undefined)
    const leave = sql`ON CONFLICT (tenantId, reportId) DO NOTHING`
    if (held.length > 0) tx.later(insertAll('report_holds', HOLD_COLUMNS, held, leave))
    storeRemembered(tx, kept)
    for (const session of sessions) await session.store(tx)
    return outcomes
  }
}

/** Forgets contents that are past their time, at most `limit`; @returns how many */
export const forgetContents =
  (dedupeHours: number) =>
  (tx: Transaction, now: number, limit: number): Promise<number> =>
    tx.run(removeSome('report_hashes', 'tenantId, hash', sql`createdAt <= ${now - dedupeHours * HOUR_MS}`, limit))
