import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import type { System } from '../../test/system.ts'

export interface Ended {
  code: number | null
  out: string
  err: string
}

const ROOT = path.join(import.meta.dirname, '..', '..', '..')

/** Runs a program of the project to its end; `during` may act on it meanwhile. */
export async function runProgram(
  program: string,
  args: string[],
  env: Record<string, string>,
  during?: (kill: (signal: NodeJS.Signals) => void, out: () => string) => Promise<void>,
): Promise<Ended> {
  const child = spawn(process.execPath, [path.join(ROOT, program), ...args], {
    env: { ...process.env, LC_ALL: 'C', NO_COLOR: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (part: string) => (out += part))
  child.stderr.setEncoding('utf8').on('data', (part: string) => (err += part))
  const ended = once(child, 'close')
  await during?.(
    (signal) => child.kill(signal),
    () => out,
  )
  const [code] = (await ended) as [number | null]
  return { code, out, err }
}

/** The settings by which a program finds a system that runs. */
export const settingsFor = ({ dataDir, ports }: System) => ({
  DATA_DIR: dataDir,
  GATEWAY_PORT: String(ports.gateway),
  CALENDAR_PORT: String(ports.calendar),
  DIARY_PORT: String(ports.diary),
  COLLECTOR_PORT: String(ports.collector),
  IDENTITY_PORT: String(ports.identity),
})
