/**
 * Thirty combining marks in a row are more than any script has; a mark that keeps its place follows them, so that ordering them
 * takes time in proportion to the text and not to its square (UAX #15, Stream-Safe Text Format).
 */
const streamSafe = (text: string): string => text.replace(/\p{M}{30}(?=\p{M})/gu, '$&\u034f')

/**
 * Text as the search compares it: compatibility forms composed (NFKC, so that Hangul typed as single letters equals
 * Hangul typed as syllables) and in lower case. Stored beside each entry, so a change here needs a migration.
 */
export const fold = (text: string): string => streamSafe(text).normalize('NFKC').toLowerCase()

/** What of an entry the search looks at. */
export const searchTextOf = (content: string, tags: readonly string[]): string => fold([content, ...tags].join('\n'))
