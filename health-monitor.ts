import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, readConfig, toolEnv } from '#shared/config.ts'
import { EXIT_USAGE, languageOf, readOptions, UsageError } from './scripts/monitor/args.ts'
import { createMonitor } from './scripts/monitor/monitor.ts'
import { output } from './scripts/monitor/output.ts'
import { monitorSettings } from './scripts/monitor/settings.ts'
import { USAGE } from './scripts/monitor/usage.ts'

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2))
  if (options.help) {
    process.stdout.write(USAGE)
    return 0
  }
  const lang = languageOf(options.lang, process.env)
  const monitor = createMonitor(readConfig(monitorSettings, toolEnv(process.env)), options, lang)
  const stopping = new AbortController()
  const { signal } = stopping
  // The first signal ends the load or the watch in order (scratch data is removed); a second one ends at once.
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort())
  try {
    for (;;) {
      const report = await monitor.look(signal)
      await output(report, options, lang, process.stdout, process.env)
      if (options.watch_s === undefined || signal.aborted) return report.run.exit_code
      await sleep(options.watch_s * 1000, undefined, { signal }).catch(() => undefined)
      if (signal.aborted) return report.run.exit_code
    }
  } finally {
    monitor.close()
  }
}

/** One line for the person; what nobody expected keeps its stack. */
function codeFor(error: unknown): number {
  const isUsage = error instanceof UsageError || error instanceof ConfigError
  const { message, stack } = error as Error
  process.stderr.write(`health: ${isUsage ? message : stack}\n`)
  return isUsage ? EXIT_USAGE : 1
}

process.stdout.on('error', () => process.exit(0)) // a reader like `head` that has seen enough
process.exitCode = await main().catch(codeFor)
