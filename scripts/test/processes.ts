import { until } from '#shared/test/until.ts'

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Waits until none of these processes runs. */
export const allGone = (pids: number[]) => until('every process to be gone', () => !pids.some(isAlive))
