import { parseArgs } from 'node:util'
import { LOAD_BOUNDS, LOAD_DEFAULTS, WATCH_SECONDS } from './limits.ts'

export type Language = 'en' | 'ko'

/** What the command line asks for. */
export interface Options {
  json: boolean
  junit?: string
  html?: string
  load?: { connections: number; rate: number; duration_s: number }
  watch_s?: number
  lang?: Language
  targets?: string
  /** `set`: this run becomes the baseline; `stored`: it must exist; otherwise the file of a JSON report. */
  baseline?: string
  help: boolean
}

/** Wrong usage: one line that names the flag. Exit code 64 (EX_USAGE of sysexits.h). */
export class UsageError extends Error {}
export const EXIT_USAGE = 64

/** Flags whose value may be left out: parseArgs knows only those that always or never have one. */
const OPTIONAL_VALUES: Record<string, string> = { '--watch': String(WATCH_SECONDS.default), '--baseline': 'stored' }

function withValues(argv: readonly string[]): string[] {
  return argv.flatMap((arg, index) => {
    const value = OPTIONAL_VALUES[arg]
    const next = argv[index + 1]
    return value !== undefined && (next === undefined || next.startsWith('-')) ? [`${arg}=${value}`] : [arg]
  })
}

/** A whole number within bounds, or the default when the flag is absent. */
export function wholeNumber(
  flag: string,
  text: string | undefined,
  standard: number,
  [min, max]: readonly [number, number],
) {
  if (text === undefined) return standard
  const value = Number(text)
  if (/^\d+$/.test(text) && value >= min && value <= max) return value
  throw new UsageError(`--${flag} must be a whole number from ${min} to ${max}, not "${text}"`)
}

/** The first sentence of what parseArgs throws: the rest is advice on quoting that helps nobody here. */
export const usageErrorOf = (error: unknown): unknown =>
  (error as { code?: string }).code?.startsWith('ERR_PARSE_ARGS') === true
    ? new UsageError((error as Error).message.split(/[.\n]\s/)[0])
    : error

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: withValues(argv),
      options: {
        json: { type: 'boolean' },
        junit: { type: 'string' },
        html: { type: 'string' },
        load: { type: 'boolean' },
        connections: { type: 'string' },
        rate: { type: 'string' },
        duration: { type: 'string' },
        watch: { type: 'string' },
        lang: { type: 'string' },
        targets: { type: 'string' },
        baseline: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values
  } catch (error) {
    throw usageErrorOf(error)
  }
}

/**
 * Reads the command line.
 * @throws UsageError with one line that names the flag
 */
export function readOptions(argv: readonly string[]): Options {
  const { json, junit, html, load, connections, rate, duration, watch, lang, targets, baseline, help } = parse(argv)
  const needsLoad = Object.entries({ connections, rate, duration }).find(([, value]) => value !== undefined)
  if (load !== true && needsLoad !== undefined) throw new UsageError(`--${needsLoad[0]} needs --load`)
  if (lang !== undefined && lang !== 'en' && lang !== 'ko')
    throw new UsageError(`--lang must be ko or en, not "${lang}"`)
  for (const [flag, value] of Object.entries({ junit, html, targets, baseline })) {
    if (value === '') throw new UsageError(`--${flag} needs a file`)
  }
  const { min, max } = WATCH_SECONDS
  return {
    json: json === true,
    help: help === true,
    ...(junit === undefined ? {} : { junit }),
    ...(html === undefined ? {} : { html }),
    ...(lang === undefined ? {} : { lang }),
    ...(targets === undefined ? {} : { targets }),
    ...(baseline === undefined ? {} : { baseline }),
    ...(watch === undefined ? {} : { watch_s: wholeNumber('watch', watch, WATCH_SECONDS.default, [min, max]) }),
    ...(load !== true
      ? {}
      : {
          load: {
            connections: wholeNumber('connections', connections, LOAD_DEFAULTS.connections, LOAD_BOUNDS.connections),
            rate: wholeNumber('rate', rate, LOAD_DEFAULTS.rate, LOAD_BOUNDS.rate),
            duration_s: wholeNumber('duration', duration, LOAD_DEFAULTS.duration, LOAD_BOUNDS.duration),
          },
        }),
  }
}

/** The language of the report: the flag's, else the locale's, else English. An empty variable is as if unset (POSIX). */
export function languageOf(flag: Language | undefined, env: NodeJS.ProcessEnv): Language {
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || ''
  return flag ?? (/^ko(?![a-z])/i.test(locale) ? 'ko' : 'en')
}
