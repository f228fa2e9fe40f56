import type { FastifyRequest } from 'fastify'
import { etagOf, requireMatch } from '#shared/etag.ts'
import { Problem } from '#shared/problem.ts'
import type { Owner } from '#shared/scope.ts'
import type { EntryStore } from './store.ts'

/** How a client wants an entry's representation wrapped. */
export type Shape = (document: string) => string

export const bare: Shape = (document) => document
/** The shape of the newer front end, which names entries in the query. */
export const enveloped: Shape = (document) => `{"success":true,"data":${document}}`

export const entryNotFound = () =>
  new Problem('not-found', { error: 'Diary entry not found', detail: 'Diary entry not found' })

/**
 * The entry that a write is about, as its caller last saw it. To be called inside the write.
 * @throws Problem not-found, also for another user's entry; precondition-failed when If-Match names another version
 */
export function currentEntry(
  entries: EntryStore,
  request: FastifyRequest,
  user: Owner,
  id: string,
  shape = bare,
): string {
  const document = entries.byId(user, id)
  if (document === undefined) throw entryNotFound()
  requireMatch(request.headers['if-match'], etagOf(shape(document)))
  return document
}
