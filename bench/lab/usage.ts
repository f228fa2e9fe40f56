import { readdirSync, readFileSync } from 'node:fs'

/** Length of a clock tick of /proc/<pid>/stat: USER_HZ is 100 on every Linux that Node runs on. */
const TICK_US = 10_000

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined // the process or thread has ended
  }
}

const list = (folder: string): string[] => {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** A process and everything that descends from it. */
export function familyOf(pid: number): number[] {
  const children = list(`/proc/${pid}/task`).flatMap((thread) =>
    (read(`/proc/${pid}/task/${thread}/children`) ?? '').split(' ').filter((word) => word.trim() !== ''),
  )
  return [pid, ...children.flatMap((child) => familyOf(Number(child)))]
}

/**
 * CPU time that a process has used, user and system, of all its threads, in microseconds. The scheduler's own
 * account (`schedstat`, nanoseconds) where the kernel keeps one: the ticks of `stat` are 10 ms.
 */
export function cpuMicros(pid: number): number {
  const threads = list(`/proc/${pid}/task`).map((thread) => read(`/proc/${pid}/task/${thread}/schedstat`))
  if (threads.length > 0 && threads.every((line) => line !== undefined && line.trim() !== '')) {
    return threads.reduce((sum, line) => sum + Number((line as string).split(' ', 1)[0]) / 1000, 0)
  }
  return ticksOf(read(`/proc/${pid}/stat`) ?? '') * TICK_US
}

/** utime + stime of a line of /proc/<pid>/stat (fields 14 and 15); the name in field 2 may hold spaces and brackets. */
export function ticksOf(stat: string): number {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
}

/** A field of /proc/<pid>/status in kB, as MB (10^6 bytes). */
function statusMb(pid: number, field: 'VmHWM' | 'VmRSS'): number {
  const kb = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(read(`/proc/${pid}/status`) ?? '')?.[1]
  return (Number(kb ?? 0) * 1024) / 1e6
}

/** Highest resident size since the process began, in MB. */
export const peakRssMb = (pid: number): number => statusMb(pid, 'VmHWM')

/** Resident size now, in MB. */
export const rssMb = (pid: number): number => statusMb(pid, 'VmRSS')

/** Resident size with each shared page divided by the number of its users, in MB. */
export function pssMb(pid: number): number {
  const kb = /^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`) ?? '')?.[1]
  return (Number(kb ?? 0) * 1024) / 1e6
}
