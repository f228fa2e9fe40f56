import { hash } from 'node:crypto'
import type { Evaluation } from '../ingest/evaluations.ts'

const FINGERPRINT_LENGTH = 32

const IDS = /\b(?:[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}|0x[\da-f]+|(?=[a-f]*\d)[\da-f]{8,})\b/giu
const NUMBERS = /\p{Nd}+(?:[.,:]\p{Nd}+)*/gu

/**
 * A message without what is different at every run: ids, hexadecimal and other numbers are '#', white space is one space, and
 * the two ways to write Hangul and accents are one (NFC). Applied twice it is what it is applied once.
 */
export const normalisedMessage = (message: string): string =>
  message.normalize('NFC').replace(IDS, '#').replace(NUMBERS, '#').replace(/\s+/gu, ' ').trim()

/** What makes two evaluations one finding: rule, target and normalised message, as 128 bits of SHA-256 in hexadecimal. */
export const fingerprintOf = ({ rule, target, message }: Pick<Evaluation, 'rule' | 'target' | 'message'>): string =>
  hash('sha256', JSON.stringify([rule.normalize('NFC'), target.normalize('NFC'), normalisedMessage(message)])).slice(
    0,
    FINGERPRINT_LENGTH,
  )

/** An evaluation with the finding that it belongs to. */
export interface Sighting extends Evaluation {
  fingerprint: string
}

const RANK = { pass: 0, warn: 1, block: 2 } as const

/** The findings that a report speaks of; one that it speaks of twice counts once, as the worse. */
export function sightingsOf(evaluations: readonly Evaluation[]): Sighting[] {
  const found = new Map<string, Sighting>()
  for (const evaluation of evaluations) {
    const fingerprint = fingerprintOf(evaluation)
    const known = found.get(fingerprint)
    const isWorse = known === undefined || RANK[evaluation.verdict] > RANK[known.verdict]
    if (isWorse) found.set(fingerprint, { ...evaluation, fingerprint })
  }
  return [...found.values()]
}
