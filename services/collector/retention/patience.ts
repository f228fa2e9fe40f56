import { Problem } from '#shared/problem.ts'
import { setTimeout as pause } from 'node:timers/promises'

const WAIT_MS = 100
const TRIES = 600

/** Runs a write; while the writer has too much to do it waits for up to a minute: reports that come in go first. */
export async function patiently<T>(write: () => Promise<T>, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await write()
    } catch (error) {
      if (!(error instanceof Problem) || error.problem !== 'overloaded' || tries === TRIES) throw error
      await pause(WAIT_MS, undefined, { signal })
    }
  }
}
