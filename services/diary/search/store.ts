import type { Database } from '#shared/database.ts'
import type { Owner } from '#shared/scope.ts'
import { ENTRY_DOCUMENT, type ListedEntry } from '../entries/document.ts'
import type { Page } from '../entries/store.ts'
import { fold } from './fold.ts'

export interface Search extends Page {
  q: string
  mood: string
}

export type SearchStore = ReturnType<typeof createSearchStore>

/** Finds entries by a part of their text. instr, not LIKE: `%` and `_` in what is searched mean themselves. */
export function createSearchStore(db: Database) {
  const search = db.prepare<[Search & { user: Owner }], ListedEntry>(
    `SELECT date, ${ENTRY_DOCUMENT} AS document FROM entries
     WHERE user_id = @user AND date BETWEEN @from AND @to AND (@before IS NULL OR date < @before)
       AND (@q = '' OR instr(search_text, @q) > 0)
       AND (@mood = '' OR CAST(mood AS TEXT) = @mood)
     ORDER BY date DESC LIMIT @limit OFFSET @offset`,
  )
  return {
    /** Newest first; an empty `q` or `mood` asks for nothing. */
    search: (user: Owner, wanted: Search) => search.all({ ...wanted, q: fold(wanted.q), user }),
  }
}
