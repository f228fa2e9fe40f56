import path from 'node:path'
import { measure, type Figures } from '../lab/rounds.ts'
import { eventWorkload } from '../subjects/data.ts'
import { startExpressCalendar, startExpressProxy } from '../subjects/express.ts'
import type { Lab } from '../subjects/lab.ts'
import { freePorts, settingsOf, startOurs } from '../subjects/ours.ts'

export const PATH = 'whole path, list of 20'
export const POLLED_PATH = 'whole path, the same list again'
export const OUR_PATH = 'gateway + calendar'
export const EXPRESS_PATH = 'express proxy + express calendar'

/** A list of twenty events through the door and the service behind it, and the same one again; the CPU of both. */
export async function pathCase(lab: Lab): Promise<Record<string, Figures[]>> {
  const ports = await freePorts()
  const env = settingsOf(ports, path.join(lab.folder, `path-${ports.gateway}`))
  const ours = await startOurs(lab, ['calendar', 'gateway'], { ports, env, core: 1 })
  const ourUrl = `http://127.0.0.1:${ports.gateway}`

  const calendar = await startExpressCalendar(lab, 'path')
  const proxy = await startExpressProxy(lab, calendar.port)
  const expressUrl = `http://127.0.0.1:${proxy.port}`

  const pids = [calendar.running.pid, proxy.running.pid]
  const subjects = [
    { name: OUR_PATH, url: ourUrl, pids: Object.values(ours.pids), workload: await eventWorkload(ourUrl) },
    { name: EXPRESS_PATH, url: expressUrl, pids, workload: await eventWorkload(expressUrl) },
  ]
  const compare = (kind: 'list' | 'polled') =>
    measure(
      lab.load,
      subjects.map(({ workload, ...subject }) => ({ ...subject, request: workload[kind] })),
      lab.plan,
    )
  const found = { [PATH]: await compare('list'), [POLLED_PATH]: await compare('polled') }
  await ours.parent.stop()
  await proxy.running.stop()
  await calendar.running.stop()
  return found
}
