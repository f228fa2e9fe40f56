import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import { hash, randomBytes } from 'node:crypto'

/** A signing of a report; the token itself is nowhere stored, only its hash. Times are milliseconds since 1970. */
export interface Signing {
  requestedBy: string
  issuedAt: number
  expiresAt: number
  createdAt: number
  tokenPreview: string
}

export interface NewToken {
  token: string
  reportId: string
  requestedBy: string
  issuedAt: number
  expiresAt: number
}

export type TokenStore = ReturnType<typeof createTokenStore>

const TOKEN_BYTES = 32
const PREVIEW_LENGTH = 8

/** 256 random bits; base64url, so that it may stand in a query as it is. */
export const newToken = (): string => randomBytes(TOKEN_BYTES).toString('base64url')

const digest = (token: string): Buffer => hash('sha256', token, 'buffer')

export function createTokenStore(db: Database) {
  const insert = db.prepare(
    `INSERT INTO sign_tokens (tokenHash, reportId, tenantId, requestedBy, tokenPreview, issuedAt, expiresAt)
     VALUES (?, ?, ?, ?, ?, ?, ?)`,
  )
  const tenantOf = db
    .prepare<[Buffer, string, number], Tenant>(
      'SELECT tenantId FROM sign_tokens WHERE tokenHash = ? AND reportId = ? AND expiresAt > ?',
    )
    .pluck()
  const history = db.prepare<[string, string, number, number], Signing & { seq: number }>(
    `SELECT requestedBy, issuedAt, expiresAt, issuedAt AS createdAt, tokenPreview, seq
     FROM sign_tokens WHERE reportId = ? AND tenantId = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
  )
  return {
    add(tenantId: Tenant, { token, reportId, requestedBy, issuedAt, expiresAt }: NewToken): void {
      const preview = `${token.slice(0, PREVIEW_LENGTH)}...`
      insert.run(digest(token), reportId, tenantId, requestedBy, preview, issuedAt, expiresAt)
    },
    /** The tenant for whose report this token is good at the time `now`; undefined when it is not good for it. */
    tenantOf: (token: string, reportId: string, now: number): Tenant | undefined =>
      tenantOf.get(digest(token), reportId, now),
    /**
     * The signings of a tenant's report, newest first.
     * @param before seq of the last one of the page before
     */
    history(tenantId: Tenant, reportId: string, limit: number, before = Number.MAX_SAFE_INTEGER) {
      const rows = history.all(reportId, tenantId, before, limit + 1)
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        history: rows.slice(0, limit).map(({ seq: _seq, ...signing }) => signing),
        ...(last === undefined ? {} : { next: [last.seq] as const }),
      }
    },
  }
}
