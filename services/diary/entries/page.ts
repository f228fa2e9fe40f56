import type { FastifyReply, FastifyRequest } from 'fastify'
import { decodeCursor, encodeCursor, nextLink } from '#shared/pagination.ts'
import type { ListedEntry } from './document.ts'
import type { PageQuery } from './schema.ts'

export const JSON_TYPE = 'application/json; charset=utf-8'

/** Where a page begins; one entry more than it has tells whether another follows. */
export function pageOf({ page, limit, cursor }: PageQuery): { before: string | null; limit: number; offset: number } {
  if (cursor === undefined) return { before: null, limit: limit + 1, offset: (page - 1) * limit }
  return { before: decodeCursor(cursor, ['string'])[0] as string, limit: limit + 1, offset: 0 }
}

/** A bare array of entries, with `Link: rel="next"` when there are more. */
export function sendPage(request: FastifyRequest, reply: FastifyReply, found: ListedEntry[], limit: number) {
  const shown = found.slice(0, limit)
  if (found.length > limit) reply.header('link', nextLink(request.url, encodeCursor([shown.at(-1)?.date as string])))
  return reply.type(JSON_TYPE).send(`[${shown.map(({ document }) => document).join(',')}]`)
}
