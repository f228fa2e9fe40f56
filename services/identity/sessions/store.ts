import { hash, randomBytes, randomUUIDv7 } from 'node:crypto'
import type { Database } from '#shared/database.ts'
import type { Owner, Tenant } from '#shared/scope.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { IdentityConfig } from '../config.ts'
import type { Revocations } from '../revocations/store.ts'

export interface Session {
  id: string
  account_id: Owner
  tenant: Tenant
  /** How the person proved themselves (RFC 8176), separated by spaces. */
  amr: string
  ip: string
  user_agent: string
  created_at: string
  last_used_at: string
  /** When it ends unless it is used before; never later than SESSION_TTL_DAYS after its beginning. */
  expires_at: string
}

/** Where a session is used from. */
export interface Client {
  ip: string
  user_agent: string
}

/** A session and the refresh token that goes on with it: shown to its holder once, stored as a hash. */
export interface Issued {
  session: Session
  refresh_token: string
}

export type Rotation =
  | ({ kind: 'rotated' } & Issued)
  /** Somebody has used this token before: it was stolen, or the one who comes now stole it. The session is over. */
  | { kind: 'reused'; session: Session }
  | { kind: 'unknown' }

export type SessionStore = ReturnType<typeof createSessionStore>

const DAY_MS = 86_400_000
const MS_PER_S = 1000
const TOKEN_BYTES = 32
const SWEEP_BATCH = 500

const hashOf = (token: string): Buffer => hash('sha256', token, 'buffer')

type SessionConfig = Pick<
  IdentityConfig,
  'SESSION_TTL_DAYS' | 'SESSION_IDLE_DAYS' | 'SESSIONS_MAX' | 'REFRESH_REUSE_GRACE_S' | 'ACCESS_TOKEN_TTL_S'
>

/** All SQL about sessions and their refresh tokens (RFC 9700 4.14.2). What changes anything runs inside a write. */
export function createSessionStore(
  db: Database,
  revocations: Pick<Revocations, 'revoke'>,
  config: SessionConfig,
  now: () => number = Date.now,
) {
  const insert = db.prepare<[object], Session>(
    `INSERT INTO sessions VALUES (@id, @account, @tenant, @amr, @ip, @user_agent, @now, @now, @expires) RETURNING *`,
  )
  const insertToken = db.prepare('INSERT INTO refresh_tokens VALUES (?, ?, ?, NULL)')
  const find = db.prepare<[string, string, string], Session>(
    'SELECT * FROM sessions WHERE id = ? AND account_id = ? AND expires_at > ?',
  )
  const byToken = db.prepare<[Buffer, string], Session & { used: number | null }>(
    `SELECT sessions.*, used FROM refresh_tokens JOIN sessions ON sessions.id = session_id
     WHERE hash = ? AND expires_at > ?`,
  )
  const useToken = db.prepare('UPDATE refresh_tokens SET used = ? WHERE hash = ? AND used IS NULL')
  const touch = db.prepare<[object], Session>(
    `UPDATE sessions SET tenant = @tenant, ip = @ip, user_agent = @user_agent, last_used_at = @now, expires_at = @expires
     WHERE id = @id RETURNING *`,
  )
  const list = db.prepare<[string, string], Session>(
    'SELECT * FROM sessions WHERE account_id = ? AND expires_at > ? ORDER BY last_used_at DESC, id DESC',
  )
  const all = db.prepare<[string], Session>('SELECT * FROM sessions WHERE account_id = ?')
  const remove = db.prepare<[string]>('DELETE FROM sessions WHERE id = ?')
  const removeOld = db.prepare(
    'DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE expires_at <= ? LIMIT ?)',
  )
  const removeSteps = db.prepare('DELETE FROM one_time_tokens WHERE account_id = ? AND purpose = ?')

  const expiryOf = (created: number): string =>
    timestamp(Math.min(created + config.SESSION_TTL_DAYS * DAY_MS, now() + config.SESSION_IDLE_DAYS * DAY_MS))

  function addToken(session: Session): Issued {
    const refresh_token = randomBytes(TOKEN_BYTES).toString('base64url')
    insertToken.run(hashOf(refresh_token), session.id, now())
    return { session, refresh_token }
  }

  function end(session: Pick<Session, 'id'>): void {
    remove.run(session.id)
    revocations.revoke(`session:${session.id}`)
  }

  const endings: ((account: Owner) => void)[] = []
  const listOf = (account: Owner): Session[] => list.all(account, timestamp(now()))

  return {
    /** A new session with its first refresh token; the account's least used one ends when there are too many. */
    open(account: Owner, { tenant, amr, ...client }: { tenant: Tenant; amr: readonly string[] } & Client): Issued {
      const others = listOf(account)
      for (const session of others.slice(config.SESSIONS_MAX - 1)) end(session)
      const fields = { id: randomUUIDv7(), account, tenant, amr: amr.join(' '), ...client }
      return addToken(insert.get({ ...fields, now: timestamp(now()), expires: expiryOf(now()) }) as Session)
    },
    /** The live sessions of an account, the last used one first. */
    list: listOf,
    find: (account: Owner, id: string): Session | undefined => find.get(id, account, timestamp(now())),
    /** The live session that a refresh token belongs to, whether used or not. */
    byToken: (token: string): Session | undefined => byToken.get(hashOf(token), timestamp(now())),
    /**
     * Takes a refresh token and gives the next one. One that was used before ends its session, unless that was within the
     * last REFRESH_REUSE_GRACE_S seconds.
     * @param choose the tenant to go on with; what it throws leaves the token unused
     */
    rotate(token: string, client: Client, choose: (session: Session) => Tenant): Rotation {
      const found = byToken.get(hashOf(token), timestamp(now()))
      if (found === undefined) return { kind: 'unknown' }
      const { used, ...session } = found
      if (used !== null && now() - used >= config.REFRESH_REUSE_GRACE_S * MS_PER_S) {
        end(session)
        return { kind: 'reused', session }
      }
      const tenant = choose(session)
      useToken.run(now(), hashOf(token))
      const expires = expiryOf(Date.parse(session.created_at))
      const touched = touch.get({ id: session.id, tenant, ...client, now: timestamp(now()), expires }) as Session
      return { kind: 'rotated', ...addToken(touched) }
    },
    /** Ends a session everywhere. */
    end,
    /** Ends all sessions of an account but one, and logins that wait for a second factor. @returns how many sessions */
    revokeAll(account: Owner, except?: string): number {
      // Also those that are over: their last access token may not be.
      const sessions = all.all(account).filter(({ id }) => id !== except)
      for (const session of sessions) end(session)
      removeSteps.run(account, SECOND_STEP)
      for (const ended of endings) ended(account)
      return sessions.length
    },
    /** Calls `ended` inside every write that ends all sessions of an account, with or without one that goes on. */
    onRevokeAll: (ended: (account: Owner) => void): void => void endings.push(ended),
    /** Deletes some that are over, with their last access token. @returns whether there may be more */
    sweep: (): boolean =>
      removeOld.run(timestamp(now() - config.ACCESS_TOKEN_TTL_S * MS_PER_S), SWEEP_BATCH).changes === SWEEP_BATCH,
  }
}

/** Purpose of the one-time token between password and second factor. */
export const SECOND_STEP = 'second-step'
