/**
 * Text as the search compares it: compatibility forms composed (NFKC, so that Hangul typed as single letters equals
 * Hangul typed as syllables) and in lower case. Stored beside each entry, so a change here needs a migration.
 */
export const fold = (text: string): string => text.normalize('NFKC').toLowerCase()

/** What of an entry the search looks at. */
export const searchTextOf = (content: string, tags: readonly string[]): string => fold([content, ...tags].join('\n'))
