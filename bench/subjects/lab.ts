import path from 'node:path'
import { freePort } from '../lab/ports.ts'
import type { Load } from '../lab/load.ts'
import type { Plan } from '../lab/rounds.ts'
import { start } from '../lab/process.ts'

/** What every case gets. */
export interface Lab {
  /** Folder of databases, logs and configurations of this run; on the disk, for durable writes are measured. */
  folder: string
  load: Load
  plan: Plan
  /** Stored before the collector is measured. */
  reports: number
}

export const HERE = path.join(import.meta.dirname, '..')
export const ROOT = path.join(HERE, '..')
export const PEERS = path.join(HERE, 'peers')

/** Ports of the fixed answers behind the proxies. */
export interface Origin {
  answers: number
  sink: number
}

export async function startOrigin(lab: Lab): Promise<Origin & { stop(): Promise<void> }> {
  const [answers, sink] = [await freePort(), await freePort()]
  const origin = await start({
    name: 'origin',
    command: process.execPath,
    args: [path.join(HERE, 'lab', 'origin.ts'), String(answers), String(sink)],
    core: 0,
    log: path.join(lab.folder, 'origin.log'),
    readyUrl: `http://127.0.0.1:${sink}/`,
  })
  return { answers, sink, stop: () => origin.stop() }
}
