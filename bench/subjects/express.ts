import path from 'node:path'
import { freePort } from '../lab/ports.ts'
import { start, type Running } from '../lab/process.ts'
import { PEERS, type Lab } from './lab.ts'

export interface Peer {
  port: number
  running: Running
}

export async function startPeer(lab: Lab, file: string, given: string[], readyPath: string): Promise<Peer> {
  const port = await freePort()
  const running = await start({
    name: file,
    command: process.execPath,
    args: [path.join(PEERS, file), String(port), ...given],
    core: 1,
    log: path.join(lab.folder, `${file}-${port}.log`),
    readyUrl: `http://127.0.0.1:${port}${readyPath}`,
  })
  return { port, running }
}

/** The calendar's events in Express and better-sqlite3, not durable. */
export const startExpressCalendar = (lab: Lab, name: string): Promise<Peer> =>
  startPeer(lab, 'express-calendar.js', [path.join(lab.folder, `express-${name}.db`)], '/health/ready')

/** Express + http-proxy-middleware with a keep-alive agent in front of another port. */
export const startExpressProxy = (lab: Lab, upstream: number): Promise<Peer> =>
  startPeer(lab, 'express-proxy.js', [String(upstream)], '/api/calendar/events?start=9998')
