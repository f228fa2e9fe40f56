import type { Tenant } from '#shared/scope.ts'
import { given, type Column } from '../postgres/bulk.ts'
import type { Access } from '../postgres/pool.ts'
import type { ReportPart } from '../postgres/report-part.ts'
import { columns, sql, type Statement } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import { storable } from '../postgres/values.ts'
import { dayOf, QUOTA_NAMES, type Quotas } from './quota.ts'
import { nested, type Flat, type Standing, type TenantRow } from './store.ts'
import { createUsageTally, grown, type DayUse, type StorageUse, type UsageTally } from './tally.ts'
import { usageDay, type DayRow, type NotStored, type Refusal, type UsageDay } from './usage.ts'

const ROW = columns('id', 'title', 'state', ...QUOTA_NAMES, 'createdAt', 'updatedAt')

/** A tenant's row; undefined when it has no settings of its own. */
export const tenantRow = (id: Tenant): Statement => sql`SELECT ${ROW} FROM tenants WHERE id = ${id}`
export const rowOf = (found: unknown): TenantRow | undefined =>
  found === undefined ? undefined : nested<TenantRow>(found as Flat<TenantRow>)

/** Reports that a tenant has; null when it never had one. */
export const storedReports = (id: Tenant): Statement =>
  sql`SELECT sum(reports) AS stored FROM tenant_storage WHERE tenantId = ${id}`

/** What decides about the tenant's next report; `standingIn` reads its row. */
export const standingStatement = (tenantId: Tenant, day: number): Statement =>
  sql`SELECT coalesce(state, 'active') AS state, ${day}::bigint AS day, ${columns(...QUOTA_NAMES)},
      today.reports, today.bytes, storage.reports AS "storedReports", storage.bytes AS "storedBytes"
    FROM (SELECT coalesce(sum(reports), 0) AS reports, coalesce(sum(bytes), 0) AS bytes FROM tenant_days
          WHERE tenantId = ${tenantId} AND day = ${day}) AS today
      CROSS JOIN (SELECT coalesce(sum(reports), 0) AS reports, coalesce(sum(bytes), 0) AS bytes FROM tenant_storage
          WHERE tenantId = ${tenantId}) AS storage
      LEFT JOIN tenants ON id = ${tenantId}`
export const standingIn = (row: unknown, tenantId: Tenant): Standing =>
  nested<Standing>({ ...(row as Flat<Standing>), tenantId })

/** The store of tenants on PostgreSQL; see store.ts. */
export const createPostgresTenants = ({ of, everyTenant }: Access) => ({
  find: async (id: Tenant): Promise<TenantRow | undefined> => rowOf(await of(id).first(tenantRow(id))),
  async ids(after: string, limit: number): Promise<Tenant[]> {
    const rows = await everyTenant.all<{ id: Tenant }>(
      sql`SELECT id FROM tenants WHERE id > ${after} UNION SELECT tenantId FROM tenant_storage WHERE tenantId > ${after}
        ORDER BY 1 LIMIT ${limit}`,
    )
    return rows.map(({ id }) => id)
  },
  stored: async (id: Tenant): Promise<number | undefined> =>
    (await of(id).first<{ stored: number | null }>(storedReports(id)))?.stored ?? undefined,
  standing: async (tenantId: Tenant, day: number): Promise<Standing> =>
    standingIn(await of(tenantId).first(standingStatement(tenantId, day)), tenantId),
})

/** The store of usage on PostgreSQL; see usage.ts. */
export const createPostgresUsage = ({ of }: Access) => ({
  async days(tenantId: Tenant, since: number): Promise<UsageDay[]> {
    const use = await of(tenantId).all<DayRow>(
      sql`SELECT day, sum(reports) AS reports, sum(quarantined) AS quarantined, sum(bytes) AS bytes FROM tenant_days
        WHERE tenantId = ${tenantId} AND day >= ${since} GROUP BY day`,
    )
    const refused = await of(tenantId).all<{ day: number; reason: keyof NotStored; refused: number }>(
      sql`SELECT day, reason, sum(refused) AS refused FROM tenant_refusals
        WHERE tenantId = ${tenantId} AND day >= ${since} GROUP BY day, reason`,
    )
    const rows = new Map(use.map((row) => [row.day, row]))
    const notStored = new Map<number, NotStored>()
    for (const { day, reason, refused: count } of refused) {
      notStored.set(day, { ...notStored.get(day), [reason]: count })
    }
    const known = [...new Set([...rows.keys(), ...notStored.keys()])].sort((one, other) => other - one)
    return known.map((day) =>
      usageDay(rows.get(day) ?? { day, reports: 0, quarantined: 0, bytes: 0 }, notStored.get(day) ?? {}),
    )
  },
})

const STORAGE_COLUMNS: readonly Column<StorageUse>[] = [
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'reports', type: 'bigint', of: ({ reports }) => reports },
  { name: 'bytes', type: 'bigint', of: ({ bytes }) => bytes },
]
const DAY_COLUMNS: readonly Column<DayUse>[] = [
  ...STORAGE_COLUMNS,
  { name: 'day', type: 'bigint', of: ({ day }) => day },
  { name: 'quarantined', type: 'bigint', of: ({ quarantined }) => quarantined },
]
const REFUSAL_COLUMNS: readonly Column<Refusal>[] = [
  { name: 'tenantId', type: 'text', of: ([tenantId]) => tenantId },
  { name: 'day', type: 'bigint', of: ([, day]) => day },
  { name: 'reason', type: 'text', of: ([, , reason]) => reason },
  { name: 'refused', type: 'bigint', of: ([, , , refused]) => refused },
]

/** Stores what a write changed of what tenants use, always in the same order of rows. */
export function storeUse(tx: Transaction, tally: Pick<UsageTally, 'days' | 'storage'>, shard: number): void {
  const [days, storage] = [tally.days(), tally.storage()]
  if (days.length > 0) {
    tx.later(sql`
      INSERT INTO tenant_days (tenantId, day, shard, reports, quarantined, bytes)
      SELECT tenantId, day, ${shard}::smallint, reports, quarantined, bytes FROM ${given(DAY_COLUMNS, days)} ORDER BY 1, 2
      ON CONFLICT (tenantId, day, shard) DO UPDATE
        SET reports = tenant_days.reports + excluded.reports, bytes = tenant_days.bytes + excluded.bytes,
          quarantined = tenant_days.quarantined + excluded.quarantined`)
  }
  if (storage.length > 0) {
    tx.later(sql`
      INSERT INTO tenant_storage (tenantId, shard, reports, bytes)
      SELECT tenantId, ${shard}::smallint, reports, bytes FROM ${given(STORAGE_COLUMNS, storage)} ORDER BY 1
      ON CONFLICT (tenantId, shard) DO UPDATE
        SET reports = tenant_storage.reports + excluded.reports, bytes = tenant_storage.bytes + excluded.bytes`)
  }
}

/**
 * What tenants use. @param shard the rows of this process
 * @param note told how the tenant stands when what is stored here is committed: nobody else stores for it meanwhile
 */
export function usagePart(shard: number, note: (standing: Standing) => void): ReportPart {
  return {
    load: (tenantId) => [standingStatement(tenantId, dayOf(Date.now()))],
    session(tenantId, [standing = []]) {
      const tally = createUsageTally()
      return {
        add(report) {
          const bytes = Buffer.byteLength(report.report) + Buffer.byteLength(storable(report.markdown ?? ''))
          if (report.isRestored) tally.returned({ tenantId, bytes })
          else tally.came({ tenantId, createdAt: report.createdAt, isQuarantined: report.errors.length > 0, bytes })
        },
        store(tx) {
          storeUse(tx, tally, shard)
          note(grown(standingIn(standing[0], tenantId), tally))
        },
      }
    },
    gone(tx, _tenant, reports) {
      const tally = createUsageTally()
      for (const report of reports) tally.gone(report)
      storeUse(tx, tally, shard)
    },
  }
}

/** Counts of what was refused, of all tenants together. */
export const addRefusals =
  (shard: number) =>
  async (tx: Transaction, refusals: readonly Refusal[]): Promise<void> => {
    tx.later(sql`
      INSERT INTO tenant_refusals (tenantId, day, reason, shard, refused)
      SELECT tenantId, day, reason, ${shard}::smallint, sum(refused) FROM ${given(REFUSAL_COLUMNS, refusals)}
      GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
      ON CONFLICT (tenantId, day, reason, shard) DO UPDATE SET refused = tenant_refusals.refused + excluded.refused`)
  }

export async function removeUsageBefore(tx: Transaction, day: number): Promise<void> {
  tx.later(sql`DELETE FROM tenant_days WHERE day < ${day}`)
  tx.later(sql`DELETE FROM tenant_refusals WHERE day < ${day}`)
}

/** A tenant's row as it is put: quotas that are not set are NULL. */
export function putTenant(tx: Transaction, { id, title, state, quotas, createdAt, updatedAt }: TenantRow): void {
  const set = QUOTA_NAMES.map((name) => (quotas as Quotas)[name])
  tx.later(sql`
    INSERT INTO tenants (id, title, state, reportsPerMinute, reportsPerDay, bytesPerDay, storageBytes, createdAt, updatedAt)
    VALUES (${id}, ${title}, ${state}, ${set[0]}, ${set[1]}, ${set[2]}, ${set[3]}, ${createdAt}, ${updatedAt})
    ON CONFLICT (id) DO UPDATE SET title = excluded.title, state = excluded.state,
      reportsPerMinute = excluded.reportsPerMinute, reportsPerDay = excluded.reportsPerDay,
      bytesPerDay = excluded.bytesPerDay, storageBytes = excluded.storageBytes, updatedAt = excluded.updatedAt`)
}
