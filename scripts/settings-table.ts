import { writeFileSync } from 'node:fs'
import path from 'node:path'
import type Joi from 'joi'
import { commonSettings } from '#shared/config.ts'
import { SETTINGS } from './start/faults.ts'

/** docs/settings.md is written by `node scripts/settings-table.ts`; a test fails when it is not what the code says. */
export const SETTINGS_FILE = path.join(import.meta.dirname, '..', 'docs', 'settings.md')

const GROUPS = {
  'Every process': commonSettings,
  ...Object.fromEntries(
    Object.entries(SETTINGS).map(([name, settings]) => [
      name.replace(/^./, (letter) => letter.toUpperCase()),
      settings,
    ]),
  ),
}

interface Described {
  flags?: { default?: unknown; description?: string }
}

/** One row: name, default and meaning of a setting, as README and docs show it. */
export function settingRow(name: string, schema: Joi.Schema): string {
  const { flags = {} } = schema.describe() as Described
  const standard = flags.default === undefined ? '' : `\`${String(flags.default)}\``
  return `| \`${name}\` | ${standard} | ${flags.description ?? ''} |`
}

/** Every setting once, by the process that reads it. */
export function settingsByProcess(): Map<string, Map<string, Joi.Schema>> {
  const seen = new Set<string>()
  return new Map(
    Object.entries(GROUPS).map(([process, settings]) => {
      const own = Object.entries(settings as unknown as Record<string, Joi.Schema>).filter(([name]) => !seen.has(name))
      for (const [name] of own) seen.add(name)
      return [process, new Map(own)]
    }),
  )
}

/** The whole page. */
export function settingsPage(): string {
  const sections = [...settingsByProcess()].map(
    ([process, settings]) =>
      `## ${process}\n\n| variable | default | what |\n|---|---|---|\n` +
      [...settings].map(([name, schema]) => `${settingRow(name, schema)}\n`).join(''),
  )
  return (
    '# Settings\n\nEverything is set by environment variables; every one has a working default or is optional. A wrong value\n' +
    'ends the start with one line for each fault, naming the variable. This page is made from the code.\n\n' +
    sections.join('\n')
  )
}

if (import.meta.main) writeFileSync(SETTINGS_FILE, settingsPage())
