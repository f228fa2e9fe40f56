import path from 'node:path'
import { measure, type Figures, type Subject } from '../lab/rounds.ts'
import { entryWorkload, eventWorkload, reportWorkload, type Workload } from '../subjects/data.ts'
import { startExpressCalendar } from '../subjects/express.ts'
import type { Lab } from '../subjects/lab.ts'
import { freePorts, settingsOf, startOurs } from '../subjects/ours.ts'

export const LIST = 'service, list of 20'
export const POLLED = 'service, the same list again'
export const ONE = 'service, read of one'
export const WRITE = 'service, durable write'

export const EXPRESS_CALENDAR = 'express calendar (not durable)'
const SERVICES = { calendar: eventWorkload, diary: entryWorkload, collector: reportWorkload }

/** Each service asked directly, beside the calendar as an Express service. */
export async function servicesCase(lab: Lab): Promise<Record<string, Figures[]>> {
  const subjects: { subject: Omit<Subject, 'request'>; workload: Workload }[] = []
  const names = Object.keys(SERVICES) as (keyof typeof SERVICES)[]
  const ports = await freePorts()
  const env = settingsOf(ports, path.join(lab.folder, `services-${ports.gateway}`))
  const ours = await startOurs(lab, names, { ports, env, core: 1 })
  for (const name of names) {
    const url = `http://127.0.0.1:${ports[name]}`
    const workload = await SERVICES[name](url)
    subjects.push({ subject: { name, url, pids: [ours.pids[name] as number] }, workload })
  }
  const express = await startExpressCalendar(lab, 'services')
  const url = `http://127.0.0.1:${express.port}`
  const workload = await eventWorkload(url)
  subjects.push({ subject: { name: EXPRESS_CALENDAR, url, pids: [express.running.pid] }, workload })

  const compare = (kind: keyof Workload) =>
    measure(
      lab.load,
      subjects.map(({ subject, workload }) => ({ ...subject, request: workload[kind] })),
      lab.plan,
    )
  const found = {
    [LIST]: await compare('list'),
    [POLLED]: await compare('polled'),
    [ONE]: await compare('one'),
    [WRITE]: await compare('write'),
  }
  await ours.parent.stop()
  await express.running.stop()
  return found
}
