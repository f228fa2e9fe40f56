export const LABEL_MAX_LENGTH = 64

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
      .map((name) => name.trim())
      .filter((name) => name !== ''),
  )

function valueOf(value: unknown): string | undefined {
  if (typeof value === 'boolean' || typeof value === 'number') return String(value)
  return typeof value === 'string' && value !== '' && value.length <= LABEL_MAX_LENGTH ? value : undefined
}

/**
 * `labels` of a report, an object of short texts, numbers and booleans: those whose name is allowed are kept as text. Free names
 * would make an index without bound. The report itself stays as it was sent.
 */
export function labelsOf(labels: unknown, allowed: ReadonlySet<string>): Labels {
  if (typeof labels !== 'object' || labels === null || Array.isArray(labels)) return NONE
  const entries = Object.entries(labels)
  const kept = entries.flatMap(([name, value]) => {
    const text = allowed.has(name) ? valueOf(value) : undefined
    return text === undefined ? [] : [[name, text] as const]
  })
  return {
    kept: kept.length === 0 ? undefined : Object.fromEntries(kept),
    dropped: entries.length - kept.length,
  }
}
