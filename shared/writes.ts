import type { Database } from 'better-sqlite3'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CommonConfig } from './config.ts'
import { createGroupCommit } from './group-commit.ts'
import type { Health } from './health.ts'
import type { SealedColumn } from './key-rotation.ts'
import type { Keyring } from './keyring.ts'
import { invalidField } from './problem.ts'
import { rememberedOf, replayOf, sealedAnswer, textOf, type Remembered } from './remembered.ts'

/** The table that remembers answers by Idempotency-Key; every service's first migration includes it. */
export const IDEMPOTENCY_TABLE = `
  CREATE TABLE idempotency_keys (
    owner TEXT NOT NULL,
    key TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (owner, key)
  ) WITHOUT ROWID;
  CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
`
export const IDEMPOTENCY_KEY_MAX_LENGTH = 255

const HOUR_MS = 3_600_000
/** Remembered answers that are deleted in one transaction, so that writes go on in between. */
const SWEEP_BATCH = 500

/** What a write answers; `body` is JSON text already when it is a string. */
export interface Answer {
  status: number
  body?: unknown
}

export interface AnswerOptions {
  /** Request or answer have secrets in them: what is remembered of both is sealed. */
  sensitive?: boolean
}

export type Writes = ReturnType<typeof createWrites>

/** Where sealed answers are, for the rotation of keys. */
export const REMEMBERED_ANSWERS: SealedColumn = {
  table: 'idempotency_keys',
  column: 'body',
  key: ['owner', 'key'],
  aad: (row) => sealedAnswer(String(row.owner), String(row.key)),
}

type WriteConfig = Pick<CommonConfig, 'WRITE_QUEUE_MAX' | 'WRITE_BATCH_MAX' | 'IDEMPOTENCY_TTL_HOURS'>

/** Names a request that is to be done once. */
export interface Once {
  /** Whose key it is: a user or tenant. */
  owner: string
  key: string
  /** Hash of the request: the same key with another one is refused. */
  fingerprint: string
  /** Request or answer have secrets in them. */
  sensitive?: boolean
}

/** The answer of a write that is on disk; a retry's is that of the first. */
export interface Performed extends Answer {
  replayed?: boolean
}

/**
 * What makes a request one that is done once (draft-ietf-httpapi-idempotency-key-header): a POST with an Idempotency-Key.
 * @throws Problem for a key that is too long
 */
export function onceOf(request: FastifyRequest, owner: string, { sensitive = false }: AnswerOptions = {}) {
  const key = request.method === 'POST' ? request.headers['idempotency-key'] : undefined
  if (typeof key !== 'string') return undefined
  if (key === '' || key.length > IDEMPOTENCY_KEY_MAX_LENGTH) {
    throw invalidField('headers', 'idempotency-key', `must have 1 to ${IDEMPOTENCY_KEY_MAX_LENGTH} characters`)
  }
  return { owner, key, fingerprint: request.fingerprint, sensitive } satisfies Once
}

/** Sends the answer of a write. */
export function sendPerformed(reply: FastifyReply, result: Performed): FastifyReply {
  if (result.replayed === true) reply.header('idempotency-replayed', 'true')
  reply.code(result.status)
  const body = textOf(result)
  return body === '' ? reply.send() : reply.type('application/json; charset=utf-8').send(body)
}

/** Durable writes of one service: group commit, and answers remembered by Idempotency-Key in the same transaction. */
export function createWrites(
  db: Database,
  config: WriteConfig,
  guards: {
    health?: Health
    onDiskFailure?: (error: Error) => void
    /** Told inside every write whose data changes; without an owner it may be anybody's. */
    onWrite?: (owner?: string) => void
    /** Seals what sensitive answers leave behind; without it there can be none. */
    keyring?: Keyring
  } = {},
) {
  const commitListeners: (() => void)[] = []
  const group = createGroupCommit(db, {
    maxQueue: config.WRITE_QUEUE_MAX,
    maxBatch: config.WRITE_BATCH_MAX,
    onDiskFailure: guards.onDiskFailure,
    isUsable: guards.health?.isDatabaseUsable,
    onCommit: () => commitListeners.forEach((listener) => listener()),
  })
  const ttl = config.IDEMPOTENCY_TTL_HOURS * HOUR_MS
  const find = db.prepare<[string, string, number], Remembered>(
    'SELECT fingerprint, status, body FROM idempotency_keys WHERE owner = ? AND key = ? AND created_at > ?',
  )
  const remember = db.prepare('INSERT OR REPLACE INTO idempotency_keys VALUES (?, ?, ?, ?, ?, ?)')
  const forget = db.prepare(
    'DELETE FROM idempotency_keys WHERE (owner, key) IN (SELECT owner, key FROM idempotency_keys WHERE created_at <= ? LIMIT ?)',
  )
  async function sweep(): Promise<void> {
    const forgetSome = () => forget.run(Date.now() - ttl, SWEEP_BATCH).changes
    // A busy collector remembers more in an hour than one batch: it ends when there is nothing left, or at the next hour.
    while ((await group.run(forgetSome).catch(() => 0)) === SWEEP_BATCH);
  }
  const timer = setInterval(() => void sweep(), HOUR_MS).unref()

  function once(named: Once, write: () => Answer): Performed {
    const { owner, key } = named
    const known = find.get(owner, key, Date.now() - ttl)
    if (known !== undefined) return replayOf(named, known, requireKeyring)
    const { status, body } = write()
    const answer: Performed = { status, body: textOf({ status, body }), replayed: false }
    const kept = rememberedOf(named, answer, requireKeyring)
    remember.run(owner, key, kept.fingerprint, status, kept.body, Date.now())
    return answer
  }

  function requireKeyring(): Keyring {
    if (guards.keyring === undefined) throw new Error('sensitive answers need the keyring of the service')
    return guards.keyring
  }

  const { onWrite } = guards
  const telling =
    <T>(write: () => T, owner?: string) =>
    () => {
      onWrite?.(owner)
      return write()
    }

  /** Runs a write, under its key if it has one; the answer comes once it is on disk. */
  const perform = (owner: string, named: Once | undefined, write: () => Answer): Promise<Performed> =>
    group.run(telling(named === undefined ? write : () => once(named, write), owner))

  return {
    /** Runs `write` in the next group; see group-commit.ts. */
    run: <T>(write: () => T): Promise<T> => group.run(telling(write)),
    pending: group.pending,
    /** Calls `listener` after every transaction that is on disk, before its writes are answered. */
    onCommit: (listener: () => void): void => void commitListeners.push(listener),
    /** Deletes remembered answers past their time, a batch a transaction. */
    sweep,
    stop: () => clearInterval(timer),
    /**
     * To be called inside a write: runs `write` once per owner and key; a retry gets the first answer.
     * @throws Problem idempotency-mismatch (422) for another request under the same key
     */
    once,
    perform,
    /**
     * Runs a write and sends its answer once it is on disk. A POST with an Idempotency-Key runs once per owner and key: a
     * retry gets the first answer, another body 422.
     * @param owner whose keys these are: a user or tenant
     */
    async answer(
      request: FastifyRequest,
      reply: FastifyReply,
      owner: string,
      write: () => Answer,
      options: AnswerOptions = {},
    ) {
      if (options.sensitive === true) requireKeyring()
      return sendPerformed(reply, await perform(owner, onceOf(request, owner, options), write))
    },
  }
}
