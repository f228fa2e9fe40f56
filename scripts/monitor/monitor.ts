import { readFileSync } from 'node:fs'
import { accessOf } from './access.ts'
import type { Language, Options } from './args.ts'
import { UsageError } from './args.ts'
import { changesOf } from './change.ts'
import { openHistory, type History } from './history.ts'
import { inspect, LoadRefused, loadTarget } from './inspect.ts'
import type { Report } from './report.ts'
import { runFromJson } from './report-json.ts'
import type { Run, TargetRun } from './run.ts'
import type { MonitorConfig } from './settings.ts'
import { summaryOf, type Summary } from './summary.ts'
import { readTargets, TargetsError, type Watched } from './targets.ts'
import { TEXTS } from './texts.ts'

/** A monitor that is set up: `look` makes one report and keeps it in the history. */
export interface Monitor {
  look(signal?: AbortSignal): Promise<Report>
  close(): void
}

function baselineFrom(file: string): Summary {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch {
    throw new UsageError(`--baseline ${file}: cannot be read`)
  }
  const run = runFromJson(text)
  if (run === undefined) throw new UsageError(`--baseline ${file}: is not a JSON report of the health monitor`)
  return summaryOf(run)
}

function watchedOf(config: MonitorConfig, options: Options): Watched {
  try {
    const watched = readTargets(config, options.targets)
    if (options.load !== undefined) loadTarget(watched)
    return watched
  } catch (error) {
    if (error instanceof TargetsError) throw new UsageError(`--targets ${error.message}`)
    throw error instanceof LoadRefused ? new UsageError(error.message) : error
  }
}

/** Whether nobody listens there at all. */
const isSilent = ({ checks }: TargetRun) =>
  checks.every(({ kind, problem }) => kind !== 'probe' || problem?.code === 'refused')

const EMPTY = { latest: () => [], baseline: () => undefined }

/**
 * Reads what the options name and opens the history; a history that cannot be opened is a remark, not an end.
 * @throws UsageError for a targets or baseline file that is no such thing, and for a load that is refused
 */
export function createMonitor(config: MonitorConfig, options: Options, lang: Language): Monitor {
  const texts = TEXTS[lang]
  const watched = watchedOf(config, options)
  const { baseline, load: settings } = options
  const fixed =
    baseline === undefined || baseline === 'set' || baseline === 'stored' ? undefined : baselineFrom(baseline)
  const access = accessOf(config)
  const standing: string[] = []
  if (settings !== undefined && access.monitorKey === undefined) standing.push(texts.noMonitorKey)
  let history: History | undefined
  try {
    history = openHistory(config.DATA_DIR)
  } catch (error) {
    standing.push(texts.noHistory((error as Error).message))
  }

  const remember = (run: Run): string[] => {
    if (history === undefined) return []
    try {
      if (options.watch_s === undefined) history.keep(run)
      else history.keepNew(run)
      if (baseline !== 'set') return []
      history.setBaseline(run)
      return [texts.baselineSet]
    } catch (error) {
      return [texts.noHistory((error as Error).message)]
    }
  }

  return {
    async look(signal) {
      const run = await inspect(watched, config.DATA_DIR, settings && { settings, access }, signal)
      const changes = changesOf(run, history ?? EMPTY, fixed)
      const notes = [...standing, ...remember(run)]
      if (baseline === 'stored' && changes.baseline === undefined) notes.push(texts.noBaseline)
      if (run.targets.every(isSilent)) notes.push(texts.notStarted)
      if (history !== undefined && changes.last === undefined) notes.push(texts.firstRun)
      return { run, changes, notes }
    },
    close: () => history?.close(),
  }
}
