import path from 'node:path'
import { startPeer } from './express.ts'
import type { Lab } from './lab.ts'

/** Fastify and better-sqlite3 with durable writes; its timeline aggregates the reports of a collector's file. */
export async function startFastifyReports(lab: Lab, stored: string) {
  const file = path.join(lab.folder, 'fastify-reports.db')
  const { port, running } = await startPeer(lab, 'fastify-reports.js', [file, stored], '/health/ready')
  return { url: `http://127.0.0.1:${port}`, pids: [running.pid], stop: () => running.stop() }
}
