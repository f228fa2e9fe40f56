import { stripVTControlCharacters } from 'node:util'

/** Figures as people read them; the same in every language. */

const NONE = '-'
const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'] as const

export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return NONE
  const power = count < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(count) / 10))
  const scaled = count / 1024 ** power
  return `${scaled.toFixed(power === 0 || scaled >= 100 ? 0 : 1)} ${UNITS[power]}`
}

export function ms(value: number | null | undefined): string {
  if (value === null || value === undefined) return NONE
  if (value >= 10_000) return `${(value / 1000).toFixed(1)} s`
  return `${value.toFixed(value >= 100 ? 0 : value >= 10 ? 1 : 2)} ms`
}

export function percent(share: number): string {
  const scaled = share * 100
  return `${scaled === 0 || scaled >= 10 ? scaled.toFixed(0) : scaled.toFixed(2)} %`
}

/** Uptime in its two largest units: `3d 4h`, `5m 12s`. */
export function uptime(seconds: number | undefined): string {
  if (seconds === undefined) return NONE
  const whole = Math.max(0, Math.floor(seconds))
  const parts = [
    [Math.floor(whole / 86_400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ] as const
  const first = parts.findIndex(([count]) => count > 0)
  return parts
    .slice(first === -1 ? 3 : first)
    .slice(0, 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ')
}

const BARS = '▁▂▃▄▅▆▇█'

/** A line of bars from 0 to the largest figure; `·` where nothing was measured. At most `width` bars, evenly chosen. */
export function sparkline(figures: readonly (number | null)[], width = 24): string {
  const count = Math.min(width, figures.length)
  const chosen = Array.from(
    { length: count },
    (_, index) => figures[Math.floor((index * figures.length) / count)] ?? null,
  )
  const most = Math.max(...chosen.map((figure) => figure ?? 0))
  return chosen
    .map((figure) => {
      if (figure === null) return '·'
      return most === 0 ? BARS[0] : BARS[Math.min(BARS.length - 1, Math.floor((figure / most) * BARS.length))]
    })
    .join('')
}

/** Columns that a line takes on a terminal: Hangul, kana, ideographs and full-width forms take two. */
export const widthOf = (line: string): number =>
  stripVTControlCharacters(line).replace(
    /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe4f\uff00-\uff60]/g,
    '..',
  ).length

/** Text from elsewhere, made safe for a terminal: what a process answers must not move the cursor or colour the screen. */
// eslint-disable-next-line no-control-regex
export const printable = (text: string): string => text.replace(/[\u0000-\u001f\u007f-\u009f]/g, '\ufffd')
