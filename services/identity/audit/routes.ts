import { Readable } from 'node:stream'
import { setImmediate as pause } from 'node:timers/promises'
import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { invalidField } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import { timestamp } from '#shared/timestamp.ts'
import type { IdentityConfig } from '../config.ts'
import type { StoredRow } from './chain.ts'
import type { AuditLog } from './log.ts'
import { auditListSchema, auditQuery, exportQuery, rowsSchema, type AuditFilter } from './schema.ts'
import type { AuditKey, AuditStore } from './store.ts'

const EXPORT_PAGE = 200
/** Looks at the log for one page: a million rows. */
const LOOKS_MAX = 100
/** Of as many rows as a process sends at once, each with its texts as long as they can be. */
const ROWS_MAX_BYTES = 8 * 1024 * 1024
const tags = ['audit']

/** A row as the API shows it: its time as text, its detail as an object. */
export const entryOf = ({ time, detail, ...row }: Omit<StoredRow, 'hash'>) => ({
  ...row,
  time: timestamp(time),
  detail: detail === null ? null : (JSON.parse(detail) as unknown),
})

function requireSpan({ from, to }: Pick<AuditFilter, 'from' | 'to'>): void {
  if (from !== undefined && to !== undefined && to < from) {
    throw invalidField('querystring', 'to', 'to must not be before from')
  }
}

/** Lines of a span, oldest first, a page at a time: other requests go on in between, and memory holds one page. */
export async function* linesOf(store: AuditStore, tenant: Tenant, { from = 0, to = Date.now() }: AuditFilter) {
  let after: AuditKey = [0, 0]
  for (;;) {
    const rows = store.page(tenant, { from, to }, after, EXPORT_PAGE)
    const last = rows.at(-1)
    if (last === undefined) return
    after = [last.time, last.seq]
    await pause()
    yield rows.map((row) => `${JSON.stringify(entryOf(row))}\n`).join('')
  }
}

/** A page of the list; others are served between two looks at the log. Few rows of many may need more than one page. */
async function pageOf(store: AuditStore, tenant: Tenant, filter: AuditFilter, limit: number, after?: AuditKey) {
  const entries: Omit<StoredRow, 'hash'>[] = []
  let next = after
  for (let look = 0; look < LOOKS_MAX; look++) {
    const found = store.list(tenant, filter, limit - entries.length, next)
    entries.push(...found.entries)
    next = found.next
    if (next === undefined || entries.length === limit) break
    await pause()
  }
  return { entries, next }
}

/** `/api/audit` for auditors of a tenant, and where other processes hand in their rows. */
export const auditRoutes =
  (store: AuditStore, log: AuditLog, flush: () => Promise<void>, config: IdentityConfig) => async (app: App) => {
    app.get(
      '/api/audit',
      {
        schema: {
          tags,
          summary: 'Who did what, newest first',
          querystring: auditQuery(config),
          response: { 200: auditListSchema },
        },
      },
      async (request) => {
        const { limit, cursor, ...filter } = request.query
        requireSpan(filter)
        const after =
          cursor === undefined ? undefined : (decodeCursor(cursor, ['number', 'number']) as unknown as AuditKey)
        // What this process answered a moment ago is in the list already.
        await flush()
        const { entries, next } = await pageOf(store, request.caller.tenant, filter, limit, after)
        return {
          entries: entries.map(entryOf),
          ...(next === undefined ? {} : { next_cursor: encodeCursor(next) }),
        }
      },
    )

    app.get(
      '/api/audit/export',
      {
        config: { etag: false },
        schema: { tags, summary: 'Everything of a span as NDJSON, oldest first', querystring: exportQuery },
      },
      async (request, reply) => {
        requireSpan(request.query)
        await flush()
        return reply
          .type('application/x-ndjson; charset=utf-8')
          .header('content-disposition', 'attachment; filename="audit.ndjson"')
          .header('cache-control', 'no-store')
          .send(Readable.from(linesOf(store, request.caller.tenant, request.query), { objectMode: false }))
      },
    )

    app.post(
      '/internal/audit',
      { bodyLimit: ROWS_MAX_BYTES, schema: { hide: true, body: rowsSchema } },
      async (request, reply) => {
        await log.add(request.body.rows)
        return reply.code(204).send()
      },
    )
  }
