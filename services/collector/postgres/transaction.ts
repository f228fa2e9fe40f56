import { Problem } from '#shared/problem.ts'
import type { PoolClient } from 'pg'
import { isLost, isRetried, NotConnected, problemOf } from './faults.ts'
import type { Pool, Queries, Scope } from './pool.ts'
import { sql, type Statement } from './sql.ts'
import { together, type Result } from './together.ts'

/** Statements that are all done or none of them. */
export interface Transaction extends Queries {
  /** Adds a statement whose result nobody needs: it goes along with the next one that somebody waits for, or with the end. */
  later(statement: Statement): void
  /** Sends statements in one message, after what was added; @returns what each gave */
  together(...statements: readonly Statement[]): Promise<Result[]>
  /** From here on it sees this tenant's rows, or everybody's. */
  actAs(scope: Scope): void
  /** Does `work` so that it fails alone. @throws what it failed with; everything is as it was before then */
  alone<T>(work: () => Promise<T>): Promise<T>
  /** Whether the whole transaction is over because of this error. */
  isOver(error: unknown): boolean
}

const ATTEMPTS = 5
const RETRY_MS = 20

const interrupted = (cause: unknown) =>
  new Problem('unavailable', {
    detail: 'The write was interrupted; send it again, what was stored already is not stored twice',
    headers: { 'retry-after': '1' },
    cause,
  })

const pause = (attempt: number) =>
  new Promise((resolve) => setTimeout(resolve, RETRY_MS * 2 ** attempt * (0.5 + Math.random())))

/** Nothing more can be done in a transaction after that. */
const isOver = (error: unknown) => isLost(error) || isRetried(error)

function transactionOn(client: PoolClient, pool: Pool) {
  let waiting: Statement[] = []
  async function send(...statements: readonly Statement[]): Promise<Result[]> {
    const before = waiting
    waiting = []
    if (before.length + statements.length === 0) return []
    return (await together(client, [...before, ...statements])).slice(before.length)
  }
  async function alone<T>(work: () => Promise<T>): Promise<T> {
    const savepoint = sql`SAVEPOINT one`
    waiting.push(savepoint)
    try {
      const value = await work()
      await send(sql`RELEASE SAVEPOINT one`)
      return value
    } catch (error) {
      if (isOver(error)) throw error
      const unsent = waiting.indexOf(savepoint)
      waiting = unsent === -1 ? [] : waiting.slice(0, unsent)
      if (unsent === -1) await send(sql`ROLLBACK TO SAVEPOINT one`, sql`RELEASE SAVEPOINT one`)
      throw error
    }
  }
  const tx: Transaction = {
    alone,
    isOver,
    later: (statement) => void waiting.push(statement),
    together: send,
    actAs: (scope) => void waiting.push(pool.scopeOf(scope)),
    all: async <R>(statement: Statement) => (await send(statement))[0]?.rows as R[],
    first: async <R>(statement: Statement) => (await send(statement))[0]?.rows[0] as R | undefined,
    run: async (statement) => (await send(statement))[0]?.count ?? 0,
  }
  return { tx, drop: () => (waiting = []) }
}

/**
 * Does `work` in a transaction that sees one tenant's rows. BEGIN goes along with its first statement and COMMIT with its last ones.
 * One that loses a conflict is done anew, so `work` changes nothing but the database.
 * @throws Problem unavailable when the connection was lost: nobody knows then whether it was done
 */
export async function transaction<T>(pool: Pool, scope: Scope, work: (tx: Transaction) => Promise<T>): Promise<T> {
  const attempt = () =>
    pool.connected(async (client) => {
      const { tx, drop } = transactionOn(client, pool)
      tx.later(sql`BEGIN`)
      tx.actAs(scope)
      try {
        const value = await work(tx)
        await tx.together(sql`COMMIT`)
        return value
      } catch (error) {
        drop()
        // It may not have begun: then this is a warning to nobody.
        if (!isLost(error)) await tx.together(sql`ROLLBACK`).catch(() => undefined)
        throw error
      }
    })
  for (let done = 0; ; done++) {
    try {
      return await attempt()
    } catch (error) {
      if (isLost(error)) throw error instanceof NotConnected ? problemOf(error) : interrupted(error)
      if (!isRetried(error) || done === ATTEMPTS) throw problemOf(error)
      await pause(done)
    }
  }
}

/** Asks for several things in one message; what is undefined is not asked for and has no rows. */
export async function load(tx: Transaction, ...asked: readonly (Statement | undefined)[]): Promise<unknown[][]> {
  const answers = (await tx.together(...asked.filter((statement) => statement !== undefined))).values()
  return asked.map((statement) => (statement === undefined ? [] : (answers.next().value as Result).rows))
}
