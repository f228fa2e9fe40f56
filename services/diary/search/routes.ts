import { userOf } from '#shared/caller.ts'
import type { App } from '#shared/server.ts'
import { pageOf, sendPage } from '../entries/page.ts'
import { daysOf, entryListAnswer, type EntrySchemas } from '../entries/schema.ts'
import { searchQuery } from './schema.ts'
import type { SearchStore } from './store.ts'

export function searchRoutes(store: SearchStore, schemas: EntrySchemas) {
  return async (app: App) => {
    app.get(
      '/api/diaries/search',
      {
        schema: {
          tags: ['diary entries'],
          summary: 'Find entries by text, mood and dates, newest first',
          querystring: searchQuery(schemas),
          response: { 200: entryListAnswer },
        },
      },
      async (request, reply) => {
        const { q = '', mood = '', limit } = request.query
        const wanted = { q, mood, ...daysOf(request.query), ...pageOf(request.query) }
        return sendPage(request, reply, await store.search(userOf(request), wanted), limit)
      },
    )
  }
}
