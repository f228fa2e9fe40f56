import { normalisedMessage } from '../findings/fingerprint.ts'

/** A word is everything but punctuation, space and control characters; '#' stands for a number. */
const WORDS = /(?:#|[^\p{P}\p{Z}\p{C}])+/gu

/** Characters of a gram, each as four digits, so that FTS5's tokenizer neither parts nor changes it. */
const DIGITS = 4
const RADIX = 36

const codeOf = (character: string): string => (character.codePointAt(0) as number).toString(RADIX).padStart(DIGITS, '0')

/** Compatibility forms composed (NFKC), so that Hangul typed as single letters equals Hangul typed as syllables; lower case. */
export const folded = (text: string): string => text.toWellFormed().normalize('NFKC').toLowerCase()

/** Messages and notes as the search compares them: numbers and ids alike, as in findings, so that they are few. */
export const foldedMessage = (text: string): string => normalisedMessage(folded(text))

const wordsIn = (text: string): string[] => text.match(WORDS) ?? []

const codesOf = (text: string): string[][] =>
  wordsIn(text).map((word) => Array.from(word, (character) => codeOf(character)))

const joined = (codes: readonly string[]): string[] => codes.map((code, at) => code + (codes[at + 1] ?? ''))

/** The grams of a text in their order: each pair of neighbours in a word, and its last character alone. */
export const gramsOf = (text: string): string[] => codesOf(folded(text)).flatMap(joined)

/** The ways in which the words of `wanted` may be in a text, folded: see wantedWords. */
export const wantedWays = (wanted: string): string[][] =>
  [...new Set([folded(wanted), foldedMessage(wanted)])].map(wordsIn).filter((words) => words.length > 0)

/** Grams one after the other, or what begins with a single character. */
export interface WantedWord {
  grams: string[]
  isBegin: boolean
}

/**
 * What a text has in which every word of `wanted` is a part of some word. Several ways, one of which is enough: names of rules
 * and targets have their numbers, messages have '#' for them. None when there is no word in it.
 */
export function wantedWords(wanted: string): WantedWord[][] {
  return wantedWays(wanted).map((words) =>
    words.flatMap(codesOf).map((codes) => {
      return codes.length === 1
        ? { grams: codes, isBegin: true }
        : { grams: joined(codes).slice(0, -1), isBegin: false }
    }),
  )
}
