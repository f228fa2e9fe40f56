import { escapeXml } from './xml.ts'

/** Inline SVG, drawn with classes that the page's style colours; figures that are null leave a gap. */

export interface Series {
  name: string
  points: readonly (number | null)[]
}

interface LineChart {
  title: string
  series: readonly Series[]
  /** Labels below, one for each point. */
  labels: readonly string[]
  /** The lower end of the scale is 0; `log` scales from the least figure's power of ten. */
  scale?: 'linear' | 'log'
  /** Fixes the upper end. */
  most?: number
}

const WIDTH = 720
const HEIGHT = 240
const LEFT = 52
const RIGHT = 12
const TOP = 12
const BOTTOM = 26
const LABELS_MAX = 12
/** As many line colours as the page's style has. */
const COLOURS = 8

const fixed = (value: number) => Number(value.toFixed(1))
const short = (value: number) =>
  value >= 1000 ? `${fixed(value / 1000)}k` : String(value >= 10 ? Math.round(value) : Number(value.toPrecision(2)))

/** The next 1, 2 or 5 times a power of ten that is not below `value`. */
function roundUp(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value))
  return ([1, 2, 5, 10].find((step) => step * power >= value * 0.999) ?? 10) * power
}

function scaleOf(figures: readonly number[], kind: 'linear' | 'log', most?: number) {
  const highest = Math.max(...figures, 0) || 1
  const span = HEIGHT - TOP - BOTTOM
  if (kind === 'linear') {
    const top = most ?? roundUp(highest)
    const at = (value: number) => fixed(TOP + span * (1 - value / top))
    // Tops are 1, 2 or 5 times a power of ten: quarters of a 2, fifths of the others are round.
    const parts = String(top).replace(/[0.]/g, '').startsWith('2') ? 4 : 5
    return { at, ticks: Array.from({ length: parts + 1 }, (_, part) => (part * top) / parts) }
  }
  const low = Math.floor(Math.log10(Math.max(0.01, Math.min(...figures.filter((value) => value > 0), highest))))
  const high = Math.max(low + 1, Math.ceil(Math.log10(highest)))
  const at = (value: number) => fixed(TOP + span * (1 - (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)))
  return { at, ticks: Array.from({ length: high - low + 1 }, (_, index) => 10 ** (low + index)) }
}

/** The path through the points, lifted where one is missing. */
function pathOf(
  points: readonly (number | null)[],
  x: (index: number) => number,
  y: (value: number) => number,
): string {
  let isDown = false
  return points
    .map((value, index) => {
      const command = value === null ? '' : `${isDown ? 'L' : 'M'}${x(index)} ${y(value)}`
      isDown = value !== null
      return command
    })
    .join('')
}

const legendOf = (names: readonly string[]) =>
  names.map((name, index) => `<li class="c${index % COLOURS}">${escapeXml(name)}</li>`).join('')

/** Lines over a common scale, with a legend. */
export function lineChart({ title, series, labels, scale = 'linear', most }: LineChart): string {
  const figures = series.flatMap(({ points }) => points.filter((value) => value !== null))
  const { at, ticks } = scaleOf(figures, scale, most)
  const count = Math.max(1, labels.length - 1)
  const x = (index: number) => fixed(LEFT + ((WIDTH - LEFT - RIGHT) * index) / count)
  const every = Math.ceil(labels.length / LABELS_MAX)
  const grid = ticks.map(
    (tick) =>
      `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(tick)}" y2="${at(tick)}"/>` +
      `<text class="tick" x="${LEFT - 6}" y="${at(tick) + 4}" text-anchor="end">${short(tick)}</text>`,
  )
  const marks = labels.map((label, index) =>
    index % every === 0
      ? `<text class="tick" x="${x(index)}" y="${HEIGHT - 8}" text-anchor="${index === labels.length - 1 ? 'end' : 'middle'}">${escapeXml(label)}</text>`
      : '',
  )
  const lines = series.map(({ name, points }, index) => {
    const dots = points.map((value, place) =>
      value === null || points.length > 40 ? '' : `<circle cx="${x(place)}" cy="${at(value)}" r="2.5"/>`,
    )
    const path = `<path d="${pathOf(points, x, at)}"/>`
    return `<g class="line c${index % COLOURS}"><title>${escapeXml(name)}</title>${path}${dots.join('')}</g>`
  })
  const legend = series.length > 1 ? `<ul class="legend">${legendOf(series.map(({ name }) => name))}</ul>` : ''
  return (
    `<figure><figcaption>${escapeXml(title)}</figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(title)}">` +
    `${grid.join('')}${marks.join('')}${lines.join('')}</svg>${legend}</figure>`
  )
}

/** Bars of the same unit from 0, small enough for a table cell. */
export function miniBars(figures: readonly number[]): string {
  const most = Math.max(...figures, 0) || 1
  const bars = figures.map((value, index) => {
    const height = fixed(Math.max(1, (value / most) * 22))
    return `<rect x="${index * 7}" y="${24 - height}" width="5" height="${height}"/>`
  })
  return `<svg class="mini" viewBox="0 0 ${Math.max(1, figures.length * 7)} 24" width="${figures.length * 7}" height="24" aria-hidden="true">${bars.join('')}</svg>`
}

/** One horizontal bar for each row, split by class. */
export function stackedBars(
  title: string,
  classes: readonly string[],
  rows: readonly { name: string; counts: readonly number[] }[],
): string {
  const most = Math.max(1, ...rows.map(({ counts }) => counts.reduce((sum, count) => sum + count, 0)))
  const [labelWidth, rowHeight] = [230, 26]
  const room = WIDTH - labelWidth - 60
  const drawn = rows.map(({ name, counts }, row) => {
    const y = row * rowHeight + 6
    let x = labelWidth
    const parts = counts.map((count, index) => {
      const width = fixed((count / most) * room)
      const part =
        count === 0 ? '' : `<rect class="c${index % COLOURS}" x="${fixed(x)}" y="${y}" width="${width}" height="16"/>`
      x += width
      return part
    })
    const sum = counts.reduce((all, count) => all + count, 0)
    return (
      `<text class="name" x="${labelWidth - 8}" y="${y + 12}" text-anchor="end">${escapeXml(name)}</text>` +
      `${parts.join('')}<text class="tick" x="${fixed(x + 6)}" y="${y + 12}">${sum}</text>`
    )
  })
  return (
    `<figure><figcaption>${escapeXml(title)}</figcaption>` +
    `<svg viewBox="0 0 ${WIDTH} ${rows.length * rowHeight + 8}" role="img" aria-label="${escapeXml(title)}">` +
    `${drawn.join('')}</svg><ul class="legend">${legendOf(classes)}</ul></figure>`
  )
}
