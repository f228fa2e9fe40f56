import type { Language } from './args.ts'
import type { Problem } from './run.ts'
import { bytes, ms, percent } from './show.ts'
import { en, type Texts } from './texts-en.ts'
import { ko } from './texts-ko.ts'

export type { Texts } from './texts-en.ts'

export const TEXTS: Record<Language, Texts> = { en, ko }

/** A number with the unit that its name ends in. */
function withUnit(name: string, value: string | number): string {
  if (typeof value === 'string') return value
  if (name.endsWith('_bytes')) return bytes(value)
  if (name.endsWith('_ms')) return ms(value)
  if (name.endsWith('_percent')) return `${value} %`
  return name === 'error_rate' ? percent(value) : String(value)
}

/** What went wrong, in one sentence without a full stop. */
export function problemText(texts: Texts, { code, values }: Problem): string {
  const name = String(values.what ?? values.measure ?? '')
  const { limit, got } = values
  const shown =
    name === '' || limit === undefined || got === undefined
      ? values
      : { ...values, limit: withUnit(name, limit), got: withUnit(name, got) }
  return texts.problems[code](shown)
}
