/** UTF-16 units that one of composed text takes at most when it is decomposed (UAX #15, Maximum Expansion Factors). */
const EXPANSION_MAX = 4
/**
 * Marks in a row that are enough (UAX #15, Stream-Safe Text Format): the time to put them in order grows with the square of
 * their number. U+034F keeps the next ones apart.
 */
const MARKS = /[\p{M}--\u034f]{30}(?=[\p{M}--\u034f])/gv
const SHORT = 250

const isAscii = (text: string) => !/\P{ASCII}/u.test(text)

/**
 * The beginning of a text, composed (NFC) and well-formed, at most `max` UTF-16 units of it: the same for both ways to write
 * Hangul and accents, of which 4 * `max` units are looked at.
 */
export function composed(text: string, max: number): string {
  const begin = text.slice(0, EXPANSION_MAX * max)
  // Most are ASCII, for which there is only one way to write them.
  if (isAscii(begin)) return begin.slice(0, max)
  const safe = begin.length > SHORT ? begin.replace(MARKS, '$&\u034f') : begin
  return safe.toWellFormed().normalize('NFC').slice(0, max).toWellFormed()
}
