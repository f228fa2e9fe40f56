import { composed } from './composed.ts'

export const LABEL_MAX_LENGTH = 64
const NAME_MAX_LENGTH = 200

/** The labels of a report by which it can be found, and how many it had that are not allowed. */
export interface Labels {
  kept: Record<string, string> | undefined
  dropped: number
}

const NONE: Labels = { kept: undefined, dropped: 0 }

/** The names in `LABEL_ALLOWLIST`. */
export const allowedLabels = (setting: string): ReadonlySet<string> =>
  new Set(
    setting
      .split(',')
      .map((name) => composed(name.trim(), NAME_MAX_LENGTH))
      .filter((name) => name !== ''),
  )

function valueOf(value: unknown): string | undefined {
  if (typeof value === 'boolean' || typeof value === 'number') return String(value)
  const text = typeof value === 'string' ? composed(value, LABEL_MAX_LENGTH + 1) : ''
  return text !== '' && text.length <= LABEL_MAX_LENGTH ? text : undefined
}

/**
 * `labels` of a report, an object of short texts, numbers and booleans: those whose name is allowed are kept as text, composed (NFC). Free names
 * would make an index without bound. The report itself stays as it was sent.
 */
export function labelsOf(labels: unknown, allowed: ReadonlySet<string>): Labels {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return NONE
  const entries = Object.entries(labels)
  const kept = entries.flatMap(([given, value]) => {
    const name = composed(given, NAME_MAX_LENGTH)
    const text = allowed.has(name) ? valueOf(value) : undefined
    return text === undefined ? [] : [[name, text] as const]
  })
  return {
    kept: kept.length === 0 ? undefined : Object.fromEntries(kept),
    dropped: entries.length - kept.length,
  }
}
