import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import { QUOTA_NAMES, type Quotas } from './quota.ts'

export type TenantState = 'active' | 'suspended'

/** A tenant with settings of its own. */
export interface TenantRow {
  id: Tenant
  title: string
  state: TenantState
  quotas: Quotas
  /** Milliseconds since 1970. */
  createdAt: number
  updatedAt: number
}

/** What decides about the next report of a tenant. */
export interface Standing {
  tenantId: Tenant
  state: TenantState
  quotas: Quotas
  /** First millisecond of the UTC day that reports and bytes are of. */
  day: number
  reports: number
  bytes: number
  storedReports: number
  storedBytes: number
}

export type TenantStore = ReturnType<typeof createTenantStore>

export type Flat<T extends { quotas: Quotas }> = Omit<T, 'quotas'> & Quotas

/** A row of the table with its quotas together. */
export function nested<T extends { quotas: Quotas }>(flat: Flat<T>): T {
  const { reportsPerMinute, reportsPerDay, bytesPerDay, storageBytes, ...rest } = flat
  return { ...rest, quotas: { reportsPerMinute, reportsPerDay, bytesPerDay, storageBytes } } as unknown as T
}

const QUOTAS = QUOTA_NAMES.join(', ')
const COLUMNS = `id, title, state, ${QUOTAS}, createdAt, updatedAt`

/** All SQL about tenants as such. */
export function createTenantStore(db: Database) {
  const find = db.prepare<[string], Flat<TenantRow>>(`SELECT ${COLUMNS} FROM tenants WHERE id = ?`)
  const put = db.prepare<[Flat<TenantRow>]>(
    `INSERT OR REPLACE INTO tenants (${COLUMNS}) VALUES (@id, @title, @state,
       ${QUOTA_NAMES.map((name) => `@${name}`).join(', ')}, @createdAt, @updatedAt)`,
  )
  const remove = db.prepare<[string]>('DELETE FROM tenants WHERE id = ?')
  const count = db.prepare<[], number>('SELECT count(*) FROM tenants').pluck()
  const uses = db.prepare<[string], number>('SELECT reports FROM tenant_storage WHERE tenantId = ?').pluck()
  const ids = db
    .prepare<[object], Tenant>(
      `SELECT id FROM tenants WHERE id > @after UNION SELECT tenantId FROM tenant_storage WHERE tenantId > @after
       ORDER BY 1 LIMIT @limit`,
    )
    .pluck()
  const standing = db.prepare<[{ tenantId: string; day: number }], Flat<Standing>>(
    `SELECT @tenantId AS tenantId, coalesce(state, 'active') AS state, ${QUOTAS}, @day AS day,
       coalesce(tenant_days.reports, 0) AS reports, coalesce(tenant_days.bytes, 0) AS bytes,
       coalesce(tenant_storage.reports, 0) AS storedReports, coalesce(tenant_storage.bytes, 0) AS storedBytes
     FROM (SELECT 1) LEFT JOIN tenants ON id = @tenantId
       LEFT JOIN tenant_days ON tenant_days.tenantId = @tenantId AND day = @day
       LEFT JOIN tenant_storage ON tenant_storage.tenantId = @tenantId`,
  )
  const found = (id: Tenant): TenantRow | undefined => {
    const row = find.get(id)
    return row === undefined ? undefined : nested<TenantRow>(row)
  }
  return {
    find: found,
    /** Ids of those that have settings or have stored something, by id. */
    ids: (after: string, limit: number): Tenant[] => ids.all({ after, limit }),
    count: (): number => count.get() as number,
    /** Reports that it has; undefined when it never had one. */
    stored: (id: Tenant): number | undefined => uses.get(id),
    standing: (tenantId: Tenant, day: number): Standing =>
      nested<Standing>(standing.get({ tenantId, day }) as Flat<Standing>),
    put({ quotas, ...row }: TenantRow): void {
      put.run({ ...row, ...quotas })
    },
    remove: (id: Tenant): boolean => remove.run(id).changes === 1,
  }
}
