import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { PORTS, type ProcessName } from '#shared/ports.ts'
import { median } from '../lab/rounds.ts'
import { familyOf, pssMb, rssMb } from '../lab/usage.ts'
import type { Lab } from '../subjects/lab.ts'
import { freePorts, settingsOf, startOurs } from '../subjects/ours.ts'

/** Medians over the rounds. */
export interface StartFigures {
  /** From the start of the script to the moment when every process says that it is ready. */
  seconds: number
  /** Resident sizes of all processes, the parent's too, added up: pages they share count several times. */
  rssMb: number
  /** The same with shared pages counted once: what the system really takes. */
  pssMb: number
}

const SETTLE_MS = 1000

/** The whole system from nothing, on every core, as `npm start` does it. */
export async function startCase(lab: Lab): Promise<StartFigures> {
  const seconds: number[] = []
  const sizes: number[] = []
  const shares: number[] = []
  for (let round = 0; round < lab.plan.rounds; round++) {
    const ports = await freePorts()
    const env = settingsOf(ports, path.join(lab.folder, `start-${ports.gateway}`))
    const { parent, ms } = await startOurs(lab, Object.keys(PORTS) as ProcessName[], { ports, env })
    seconds.push(ms / 1000)
    const size = () => familyOf(parent.pid).reduce((sum, pid) => sum + rssMb(pid), 0)
    const atOnce = size()
    await pause(SETTLE_MS)
    sizes.push(Math.max(atOnce, size()))
    shares.push(familyOf(parent.pid).reduce((sum, pid) => sum + pssMb(pid), 0))
    await parent.stop()
  }
  return { seconds: median(seconds), rssMb: median(sizes), pssMb: median(shares) }
}
