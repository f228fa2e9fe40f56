import type { Language } from './args.ts'
import type { Change, Changes } from './change.ts'
import type { Run } from './run.ts'
import { ms } from './show.ts'
import type { Texts } from './texts.ts'

const STEPS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
] as const

/** `3 minutes ago`, in the reader's language. */
export function ago(at: number, now: number, lang: Language): string {
  const past = Math.max(0, (now - at) / 1000)
  const [unit, seconds] = STEPS.find(([, least]) => past >= least) ?? (['second', 1] as const)
  return new Intl.RelativeTimeFormat(lang, { numeric: 'always' }).format(-Math.round(past / seconds), unit)
}

/** `gateway live, ready; diary live`: each process is named once. */
function byTarget(names: readonly string[]): string {
  const groups = Object.groupBy(names, (name) => name.split(' ', 1)[0] as string)
  return Object.entries(groups)
    .map(([target, own = []]) => `${target} ${own.map((name) => name.slice(target.length + 1)).join(', ')}`)
    .join('; ')
}

function partsOf(change: Change, run: Run, texts: Texts): string[] {
  const parts: string[] = []
  // Against the usual there is no one grade to name.
  if (change.against !== 'usual' && (change.grade !== run.grade || change.score !== run.score)) {
    parts.push(`${texts.grade} ${change.grade} (${change.score}) → ${run.grade} (${run.score})`)
  }
  if (change.broken.length > 0) parts.push(`${texts.broken}: ${byTarget(change.broken)}`)
  if (change.mended.length > 0) parts.push(`${texts.mended}: ${byTarget(change.mended)}`)
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
