import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

interface Script {
  url: string
  /** From the outside in: what stands later is inside of what stood before it, or after it. */
  functions: { ranges: { startOffset: number; endOffset: number; count: number }[] }[]
}

/** Of packages, what tests make, and what only tests use. */
const OTHERS = /[/\\](?:node_modules|\.tap|test)[/\\]/

/** What a process left; nothing of one that was killed while it wrote. */
function scriptsIn(text: string): Script[] {
  try {
    return (JSON.parse(text) as { result: Script[] }).result
  } catch {
    return []
  }
}

/** Where each line begins, and behind the last one where the next would begin. */
function lineStarts(source: string): number[] {
  const starts = [0]
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) starts.push(at + 1)
  if (starts.at(-1) !== source.length) starts.push(source.length + 1)
  return starts
}

/** Which lines ran; a line did not when all of it lies in a range that never ran. */
function ran({ functions }: Script, starts: number[]): Uint8Array {
  const lines = new Uint8Array(starts.length - 1).fill(1)
  for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
    const first = starts.findIndex((start) => start >= startOffset)
    if (first === -1) continue
    for (let line = first; line < lines.length && (starts[line + 1] as number) - 1 <= endOffset; line++) {
      lines[line] = count > 0 ? 1 : 0
    }
  }
  return lines
}

/**
 * Counts the lines of the product that ran in any process, from what V8 leaves in the folder of NODE_V8_COVERAGE. A file that
 * nothing loads is not counted, nor are tests and the folders `test` beside them.
 * @param root folder of the product
 */
export function lineCoverage(root: string) {
  const files = new Map<string, { starts: number[]; lines: Uint8Array }>()

  const isOurs = (file: string) =>
    file.startsWith(root + path.sep) && !OTHERS.test(file.slice(root.length)) && !file.endsWith('.test.ts')

  function sourceOf(file: string): string | undefined {
    try {
      return readFileSync(file, 'utf8')
    } catch {
      // A test made it, and took it away again.
      return undefined
    }
  }

  function take(script: Script): void {
    if (!script.url.startsWith('file:')) return
    const file = fileURLToPath(script.url)
    if (!isOurs(file)) return
    let known = files.get(file)
    if (known === undefined) {
      const source = sourceOf(file)
      if (source === undefined) return
      const starts = lineStarts(source)
      files.set(file, (known = { starts, lines: new Uint8Array(starts.length - 1) }))
    }
    const { lines } = known
    ran(script, known.starts).forEach((one, line) => (lines[line] ||= one))
  }

  return {
    /** Adds what the processes left in this folder. */
    add(folder: string): void {
      for (const name of readdirSync(folder)) {
        scriptsIn(readFileSync(path.join(folder, name), 'utf8')).forEach(take)
      }
    },
    /** Of all lines of the files that ran, rounded to hundredths. */
    percent(): number {
      const all = [...files.values()].flatMap(({ lines }) => [...lines])
      return Math.round((all.reduce((sum, one) => sum + one, 0) / Math.max(all.length, 1)) * 10_000) / 100
    },
  }
}
