import { watch } from 'node:fs'
import path from 'node:path'
import type { ProcessName } from '#shared/ports.ts'

const SETTLE_MS = 150
const ROOT = path.join(import.meta.dirname, '..', '..')

/** The processes that a changed source file is part of. */
function affected(file: string, names: readonly ProcessName[]): ProcessName[] {
  const [first, second] = file.split(path.sep)
  if (first === 'shared') return [...names]
  return names.filter((name) => name === (first === 'services' ? second : first))
}

/** Calls `restart` with what a change of sources concerns, once the editor has settled. */
export function restartOnChange(names: readonly ProcessName[], restart: (names: ProcessName[]) => Promise<void>): void {
  const changed = new Set<ProcessName>()
  let timer: NodeJS.Timeout | undefined
  for (const folder of ['gateway', 'services', 'shared']) {
    watch(path.join(ROOT, folder), { recursive: true }, (_event, file) => {
      if (file === null || !file.endsWith('.ts') || file.endsWith('.test.ts')) return
      for (const name of affected(path.join(folder, file), names)) changed.add(name)
      clearTimeout(timer)
      timer = setTimeout(() => {
        const now = [...changed]
        changed.clear()
        void restart(now)
      }, SETTLE_MS)
    })
  }
}
