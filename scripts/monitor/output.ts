import { writeFile } from 'node:fs/promises'
import { UsageError, type Language, type Options } from './args.ts'
import { htmlReport } from './report-html.ts'
import { jsonReport } from './report-json.ts'
import { junitReport } from './report-junit.ts'
import { terminalReport } from './report-terminal.ts'
import type { Report } from './report.ts'
import { TEXTS } from './texts.ts'

export interface Screen {
  write(text: string): unknown
  isTTY?: boolean
  columns?: number
}

const PIPE_COLUMNS = 140
const CLEAR = '\u001b[H\u001b[J'

/** NO_COLOR (no-color.org) and a pipe turn colours off, FORCE_COLOR on. */
const wantsColor = (screen: Screen, env: NodeJS.ProcessEnv) =>
  !env.NO_COLOR && (Boolean(env.FORCE_COLOR) || (screen.isTTY === true && env.TERM !== 'dumb'))

async function put(flag: string, file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text)
  } catch (error) {
    throw new UsageError(`--${flag} ${file}: cannot be written (${(error as NodeJS.ErrnoException).code})`)
  }
}

/** Gives the report out in every form that was asked for. A watch redraws the screen; in a pipe it appends. */
export async function output(
  report: Report,
  options: Options,
  lang: Language,
  screen: Screen,
  env: NodeJS.ProcessEnv,
): Promise<void> {
  const texts = TEXTS[lang]
  if (options.junit !== undefined) await put('junit', options.junit, junitReport(report))
  if (options.html !== undefined) await put('html', options.html, htmlReport(report, texts, lang))
  const watching = options.watch_s
  if (options.json) {
    screen.write(`${JSON.stringify(jsonReport(report), null, watching === undefined ? 2 : 0)}\n`)
    return
  }
  const text = terminalReport(report, {
    texts,
    lang,
    color: wantsColor(screen, env),
    columns: screen.columns || PIPE_COLUMNS, // a terminal that does not know its width says 0
  })
  screen.write(screen.isTTY === true && watching !== undefined ? `${CLEAR}${text}` : text)
  if (watching !== undefined && screen.isTTY === true) screen.write(` ${texts.watching(watching)}\n`)
}
