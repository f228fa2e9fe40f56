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
  // Three seeks: joined to nothing, SQLite would prepare the statement anew for every tenant that it is asked about.
  const settings = db.prepare<[string], Quotas & Pick<Standing, 'state'>>(
    `SELECT state, ${QUOTAS} FROM tenants WHERE id = ?`,
  )
  const today = db.prepare<[string, number], Pick<Standing, 'reports' | 'bytes'>>(
    'SELECT reports, bytes FROM tenant_days WHERE tenantId = ? AND day = ?',
  )
  const kept = db.prepare<[string], Pick<Standing, 'storedReports' | 'storedBytes'>>(
    'SELECT reports AS storedReports, bytes AS storedBytes FROM tenant_storage WHERE tenantId = ?',
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
    standing: db.transaction((tenantId: Tenant, day: number): Standing => {
      const nothing = { state: 'active', reports: 0, bytes: 0, storedReports: 0, storedBytes: 0 } as const
      const limits = Object.fromEntries(QUOTA_NAMES.map((name) => [name, null])) as Record<keyof Quotas, null>
      return nested<Standing>({
        ...{ tenantId, day, ...nothing, ...limits },
        ...{ ...settings.get(tenantId), ...today.get(tenantId, day), ...kept.get(tenantId) },
      })
    }) as (tenantId: Tenant, day: number) => Standing,
    put({ quotas, ...row }: TenantRow): void {
      put.run({ ...row, ...quotas })
    },
    remove: (id: Tenant): boolean => remove.run(id).changes === 1,
  }
}
