import { ConfigError, readConfig, type CommonConfig, type Settings } from '#shared/config.ts'
import type { ProcessName } from '#shared/ports.ts'
import { settings as gateway } from '../../gateway/config.ts'
import { settings as calendar } from '../../services/calendar/config.ts'
import { settings as collector } from '../../services/collector/config.ts'
import { settings as diary } from '../../services/diary/config.ts'
import { settings as identity } from '../../services/identity/config.ts'

/** The settings of every process. */
export const SETTINGS: Record<ProcessName, Settings<CommonConfig>> = { gateway, calendar, diary, collector, identity }

/** What is wrong with the settings of these processes: every fault once, before it the processes that have it. */
export function settingsFaults(names: readonly ProcessName[], env: NodeJS.ProcessEnv): string[] {
  const faults = new Map<string, ProcessName[]>()
  for (const name of names) {
    try {
      readConfig(SETTINGS[name], env)
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      for (const fault of error.message.split('\n')) faults.set(fault, [...(faults.get(fault) ?? []), name])
    }
  }
  return [...faults].map(([fault, those]) => `${those.length === names.length ? '' : `${those.join(', ')}: `}${fault}`)
}

// A process of its own for the one start in many that fails, so that the supervisor stays small.
if (import.meta.main) {
  for (const fault of settingsFaults(process.argv.slice(2) as ProcessName[], process.env)) console.error(fault)
}
