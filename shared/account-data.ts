import Joi from 'joi'
import { Readable } from 'node:stream'
import type { Database } from './database.ts'
import { Problem } from './problem.ts'
import { asOwner, type Owner } from './scope.ts'
import type { App } from './server.ts'
import type { Writes } from './writes.ts'

/** What a service knows of one account: to be handed to its owner, or to be forgotten. */
export interface AccountData {
  /** Names of the files that an export consists of, with `/` between folder and file. */
  names(owner: Owner): string[]
  /** One of them; undefined when there is no such file any more. */
  open(owner: Owner, name: string): Readable | undefined | Promise<Readable | undefined>
  /** Deletes everything of the account, durably. Doing it again does nothing. */
  remove(owner: Owner): Promise<void>
}

/** One line of NDJSON and the id by which the next page goes on. */
export interface Line {
  id: string
  line: string
}

/**
 * Lines page by page, as fast as they are read: memory holds one page, and other requests go on in between.
 * @param page the lines after an id, '' for the first ones; an empty page is the end
 */
export function ndjson(page: (after: string) => Line[]): Readable {
  function* pages() {
    let after = ''
    for (;;) {
      const lines = page(after)
      const last = lines.at(-1)
      if (last === undefined) return
      after = last.id
      yield lines.map(({ line }) => `${line}\n`).join('')
    }
  }
  return Readable.from(pages(), { objectMode: false })
}

const ROWS_IN_PAGE = 500

/**
 * Deletes rows a few at a time, each time in a transaction of its own, so that other writes go on in between.
 * @param remove deletes at most that many; @returns how many it deleted
 */
export async function removeInChunks(writes: Writes, remove: (limit: number) => number): Promise<void> {
  while ((await writes.run(() => remove(ROWS_IN_PAGE))) === ROWS_IN_PAGE);
}

/** Pages and deletions of a table whose rows have an owner. Table and columns are the code's own words, never a caller's. */
export function ownedTable(
  db: Database,
  { table, owner, id, json }: Record<'table' | 'owner' | 'id' | 'json', string>,
) {
  const page = db.prepare<[string, string], Line>(
    `SELECT ${id} AS id, ${json} AS line FROM ${table} WHERE ${owner} = ? AND ${id} > ? ORDER BY ${id} LIMIT ${ROWS_IN_PAGE}`,
  )
  const remove = db.prepare<[string, number]>(
    `DELETE FROM ${table} WHERE ${id} IN (SELECT ${id} FROM ${table} WHERE ${owner} = ? LIMIT ?)`,
  )
  return {
    lines: (account: Owner): Readable => ndjson((after) => page.all(account, after)),
    remove: (account: Owner, limit: number): number => remove.run(account, limit).changes,
  }
}

/** Forgets the answers that are remembered by an owner's Idempotency-Keys: they hold what was written. */
export function rememberedAnswers(db: Database) {
  const remove = db.prepare<[string, string, number]>(
    'DELETE FROM idempotency_keys WHERE owner = ? AND key IN (SELECT key FROM idempotency_keys WHERE owner = ? LIMIT ?)',
  )
  return { remove: (account: Owner, limit: number): number => remove.run(account, account, limit).changes }
}

const account = Joi.string().max(255).required()
const params = Joi.object<{ account: string }>({ account })
const fileParams = Joi.object<{ account: string; '*': string }>({ account, '*': Joi.string().max(512).required() })

/** `/internal/accounts/:account`: what identity asks for when somebody exports or deletes their account. */
export const accountDataRoutes = (data: AccountData) => async (app: App) => {
  const config = { etag: false }
  app.get('/internal/accounts/:account/files', { config, schema: { hide: true, params } }, (request) => ({
    files: data.names(asOwner(request.params.account)),
  }))

  app.get(
    '/internal/accounts/:account/files/*',
    { config, schema: { hide: true, params: fileParams } },
    async (request, reply) => {
      const file = await data.open(asOwner(request.params.account), request.params['*'])
      if (file === undefined) throw new Problem('not-found')
      return reply.type('application/octet-stream').send(file)
    },
  )

  app.delete('/internal/accounts/:account', { config, schema: { hide: true, params } }, async (request, reply) => {
    await data.remove(asOwner(request.params.account))
    return reply.code(204).send()
  })
}
