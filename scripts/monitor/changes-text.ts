import type { Language } from './args.ts'
import type { Change, Changes } from './change.ts'
import type { Run } from './run.ts'
import { ms } from './show.ts'
import type { Texts } from './texts.ts'

const STEPS = [
  ['second', 60],
  ['minute', 60],
  ['hour', 24],
  ['day', Infinity],
] as const

/** `3 minutes ago`, in the reader's language. */
export function ago(at: number, now: number, lang: Language): string {
  let count = Math.max(0, (now - at) / 1000)
  for (const [unit, next] of STEPS) {
    if (count < next) return new Intl.RelativeTimeFormat(lang, { numeric: 'always' }).format(-Math.round(count), unit)
    count /= next
  }
  throw new RangeError('unreachable: the last step has no end')
}

function partsOf(change: Change, run: Run, texts: Texts): string[] {
  const parts: string[] = []
  if (change.grade !== run.grade || (change.score !== run.score && change.against !== 'usual')) {
    parts.push(`${texts.grade} ${change.grade} (${change.score}) → ${run.grade} (${run.score})`)
  }
  if (change.broken.length > 0) parts.push(`${texts.broken}: ${change.broken.join(', ')}`)
  if (change.mended.length > 0) parts.push(`${texts.mended}: ${change.mended.join(', ')}`)
  for (const { what, measure, before, now } of change.moved) {
    const name = measure === 'health' ? `${what} /health` : `${what} ${measure}`
    parts.push(`${name} ${ms(before)} → ${ms(now)}`)
  }
  return parts
}

/** One entry for each comparison: its heading and what changed, or that nothing did. */
export function changeLines(
  changes: Changes,
  run: Run,
  texts: Texts,
  lang: Language,
): { head: string; parts: string[] }[] {
  const { last, usual, baseline } = changes
  const now = Date.parse(run.started_at)
  return [last, usual, baseline].flatMap((change) => {
    if (change === undefined) return []
    const when = change.against === 'usual' ? '' : ` (${ago(change.at, now, lang)})`
    const parts = partsOf(change, run, texts)
    return [{ head: `${texts.against[change.against]}${when}`, parts: parts.length > 0 ? parts : [texts.noChange] }]
  })
}
