import type { Database } from '#shared/database.ts'
import { Problem } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import { hash, randomBytes } from 'node:crypto'
import type { Purpose } from './schema.ts'

/** A signing of a report; the token itself is nowhere stored, only its hash. Times are milliseconds since 1970. */
export interface Signing {
  id: string
  purpose: Purpose
  singleUse: boolean
  requestedBy: string
  issuedAt: number
  expiresAt: number
  createdAt: number
  tokenPreview: string
  /** When a link for one use was used. */
  usedAt?: number
  revokedAt?: number
}

export interface NewToken {
  id: string
  token: string
  reportId: string
  purpose: Purpose
  singleUse: boolean
  requestedBy: string
  issuedAt: number
  expiresAt: number
}

/** What a good token opens. */
export interface OpenedLink {
  id: string
  tenantId: Tenant
  singleUse: boolean
}

export const tooManyLinks = (max: number) =>
  new Problem('conflict', {
    detail: `There are ${max} good links to this report: end some, or wait until they are over`,
  })

export type TokenStore = ReturnType<typeof createTokenStore>

const TOKEN_BYTES = 32
const ID_BYTES = 8
const PREVIEW_LENGTH = 8

/** 256 random bits; base64url, so that it may stand in a query as it is. */
export const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url')
/** Names a token without being one. */
export const newTokenId = (): string => randomBytes(ID_BYTES).toString('hex')

export const digest = (token: string): Buffer => hash('sha256', token, 'buffer')
export const previewOf = (token: string): string => `${token.slice(0, PREVIEW_LENGTH)}...`

export type SigningRow = Omit<Signing, 'singleUse' | 'usedAt' | 'revokedAt'> & {
  singleUse: number
  usedAt: number | null
  revokedAt: number | null
  seq: number
}

export const signingOf = ({ seq: _seq, singleUse, usedAt, revokedAt, ...row }: SigningRow): Signing => ({
  ...row,
  singleUse: singleUse === 1,
  ...(usedAt === null ? {} : { usedAt }),
  ...(revokedAt === null ? {} : { revokedAt }),
})

export function createTokenStore(db: Database) {
  const insert = db.prepare(
    `INSERT INTO sign_tokens
     (id, tokenHash, reportId, tenantId, purpose, singleUse, requestedBy, tokenPreview, issuedAt, expiresAt)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  const find = db.prepare<[Buffer, string, string, number], { id: string; tenantId: Tenant; singleUse: number }>(
    `SELECT id, tenantId, singleUse FROM sign_tokens
     WHERE tokenHash = ? AND reportId = ? AND purpose = ? AND expiresAt > ? AND usedAt IS NULL AND revokedAt IS NULL`,
  )
  const use = db.prepare(
    `UPDATE sign_tokens SET usedAt = ?
     WHERE id = ? AND tenantId = ? AND expiresAt > ? AND usedAt IS NULL AND revokedAt IS NULL`,
  )
  const revoke = db.prepare(
    `UPDATE sign_tokens SET revokedAt = coalesce(revokedAt, ?) WHERE id = ? AND reportId = ? AND tenantId = ?`,
  )
  const history = db.prepare<[string, string, number, number], SigningRow>(
    `SELECT id, purpose, singleUse, requestedBy, issuedAt, expiresAt, issuedAt AS createdAt, tokenPreview, usedAt, revokedAt, seq
     FROM sign_tokens WHERE reportId = ? AND tenantId = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
  )
  const countGood = db
    .prepare<[string, string, number], number>(
      `SELECT count(*) FROM sign_tokens
       WHERE reportId = ? AND tenantId = ? AND expiresAt > ? AND usedAt IS NULL AND revokedAt IS NULL`,
    )
    .pluck()
  const removeOver = db.prepare(
    `DELETE FROM sign_tokens WHERE seq IN (SELECT seq FROM sign_tokens WHERE expiresAt < ? ORDER BY expiresAt LIMIT ?)`,
  )
  return {
    /** How many links to the report are good at the time `now`. */
    good: (tenantId: Tenant, reportId: string, now: number): number => countGood.get(reportId, tenantId, now) as number,
    /** Deletes at most `limit` links that were over before `cutoff`, whoever's they are; @returns how many */
    removeOver: (cutoff: number, limit: number): number => removeOver.run(cutoff, limit).changes,
    add(tenantId: Tenant, { id, token, reportId, purpose, singleUse, requestedBy, issuedAt, expiresAt }: NewToken) {
      const single = singleUse ? 1 : 0
      const [hashed, preview] = [digest(token), previewOf(token)]
      insert.run(id, hashed, reportId, tenantId, purpose, single, requestedBy, preview, issuedAt, expiresAt)
    },
    /** What this token is good for at the time `now`; undefined when it is not good for that report and purpose. */
    find(token: string, reportId: string, purpose: Purpose, now: number): OpenedLink | undefined {
      const found = find.get(digest(token), reportId, purpose, now)
      return found === undefined ? undefined : { ...found, singleUse: found.singleUse === 1 }
    },
    /** Uses a link that is good once, at the time `now`; @returns whether it was still good: only one caller hears so */
    use: (tenantId: Tenant, id: string, now: number): boolean => use.run(now, id, tenantId, now).changes === 1,
    /** Ends a link of the tenant's report at the time `now`, unless it has ended; @returns whether there is such a link */
    revoke: (tenantId: Tenant, reportId: string, id: string, now: number): boolean =>
      revoke.run(now, id, reportId, tenantId).changes === 1,
    /**
     * The signings of a tenant's report, newest first.
     * @param before seq of the last one of the page before
     */
    history(tenantId: Tenant, reportId: string, limit: number, before = Number.MAX_SAFE_INTEGER) {
      const rows = history.all(reportId, tenantId, before, limit + 1)
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        history: rows.slice(0, limit).map(signingOf),
        ...(last === undefined ? {} : { next: [last.seq] as const }),
      }
    },
  }
}
