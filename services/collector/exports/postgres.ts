import type { Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import { removeSome } from '../postgres/bulk.ts'
import type { Access } from '../postgres/pool.ts'
import { columns, sql } from '../postgres/sql.ts'
import { lockTenant } from '../postgres/tenant-lock.ts'
import type { Transaction } from '../postgres/transaction.ts'
import { withId } from '../reports/postgres.ts'
import { noSuchReport } from '../reports/representation.ts'
import type { Purpose } from './schema.ts'
import { digest, previewOf, signingOf, tooManyLinks, type NewToken, type OpenedLink, type SigningRow } from './store.ts'

const LISTED = columns(
  ...[
    'id',
    'purpose',
    'singleUse',
    'requestedBy',
    'issuedAt',
    'expiresAt',
    'tokenPreview',
    'usedAt',
    'revokedAt',
    'seq',
  ],
)

/** The store of tokens on PostgreSQL; see store.ts. */
export const createPostgresTokens = ({ of, everyTenant }: Access) => ({
  /** Of any tenant's: the token alone says whose it is. */
  async find(token: string, reportId: string, purpose: Purpose, now: number): Promise<OpenedLink | undefined> {
    const found = await everyTenant.first<{ id: string; tenantId: Tenant; singleUse: number }>(
      sql`SELECT ${columns('id', 'tenantId', 'singleUse')} FROM sign_tokens
        WHERE tokenHash = ${digest(token)} AND reportId = ${reportId} AND purpose = ${purpose}
          AND expiresAt > ${now} AND usedAt IS NULL AND revokedAt IS NULL`,
    )
    return found === undefined ? undefined : { ...found, singleUse: found.singleUse === 1 }
  },
  async history(tenantId: Tenant, reportId: string, limit: number, before = Number.MAX_SAFE_INTEGER) {
    const rows = await of(tenantId).all<SigningRow>(
      sql`SELECT ${LISTED}, issuedAt AS "createdAt" FROM sign_tokens
        WHERE reportId = ${reportId} AND tenantId = ${tenantId} AND seq < ${before} ORDER BY seq DESC LIMIT ${limit + 1}`,
    )
    const last = rows.length > limit ? rows[limit - 1] : undefined
    return {
      history: rows.slice(0, limit).map(signingOf),
      ...(last === undefined ? {} : { next: [last.seq] as const }),
    }
  },
})

/** What changes links; see commands.ts. */
export const createPostgresExportCommands = ({ SIGN_TOKENS_MAX: max }: Pick<CollectorConfig, 'SIGN_TOKENS_MAX'>) => ({
  /** The report stays until the link is stored. */
  async addToken(tx: Transaction, tenantId: Tenant, token: NewToken, body: Record<string, unknown>): Promise<Answer> {
    const { id, reportId, purpose, singleUse, requestedBy, issuedAt, expiresAt } = token
    // Of two that count at once both would find room for the last link.
    tx.later(lockTenant(tenantId))
    const found = await tx.first(
      sql`SELECT 1 FROM reports WHERE ${withId(reportId)} AND tenantId = ${tenantId} FOR KEY SHARE`,
    )
    if (found === undefined) throw noSuchReport()
    const links = await tx.first<{ good: number }>(
      sql`SELECT count(*)::int AS good FROM sign_tokens
        WHERE reportId = ${reportId} AND tenantId = ${tenantId} AND expiresAt > ${issuedAt}
          AND usedAt IS NULL AND revokedAt IS NULL`,
    )
    if (links !== undefined && links.good >= max) throw tooManyLinks(max)
    tx.later(
      sql`INSERT INTO sign_tokens
          (id, tokenHash, reportId, tenantId, purpose, singleUse, requestedBy, tokenPreview, issuedAt, expiresAt)
        VALUES (${id}, ${digest(token.token)}, ${reportId}, ${tenantId}, ${purpose}, ${singleUse ? 1 : 0}, ${requestedBy},
          ${previewOf(token.token)}, ${issuedAt}, ${expiresAt})`,
    )
    return { status: 200, body }
  },
  /** Of all tenants. */
  removeTokensOver: (tx: Transaction, cutoff: number, limit: number): Promise<number> =>
    tx.run(removeSome('sign_tokens', 'seq', sql`expiresAt < ${cutoff} ORDER BY expiresAt`, limit)),
  useToken: async (tx: Transaction, tenantId: Tenant, id: string, now: number): Promise<boolean> =>
    (await tx.run(
      sql`UPDATE sign_tokens SET usedAt = ${now} WHERE id = ${id} AND tenantId = ${tenantId} AND expiresAt > ${now}
        AND usedAt IS NULL AND revokedAt IS NULL`,
    )) === 1,
  revokeToken: async (tx: Transaction, tenantId: Tenant, reportId: string, id: string, now: number): Promise<boolean> =>
    (await tx.run(
      sql`UPDATE sign_tokens SET revokedAt = coalesce(revokedAt, ${now})
        WHERE id = ${id} AND reportId = ${reportId} AND tenantId = ${tenantId}`,
    )) === 1,
})
