// What durable ingest and a timeline cost without anything else: Fastify, better-sqlite3 with synchronous=FULL, writes that
// come together in one transaction on the main thread; no tenants, checks, findings, counts, log or metrics. The timeline is
// the aggregation over the reports of a collector's file, as one writes it when there are no counts.
import Database from 'better-sqlite3'
import Fastify from 'fastify'
import { randomUUID } from 'node:crypto'

const [port, file, stored] = process.argv.slice(2)
const HOUR_MS = 3_600_000
const db = new Database(file)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = FULL')
db.exec(
  'CREATE TABLE IF NOT EXISTS reports (seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, createdAt INTEGER NOT NULL, report TEXT)',
)
const insert = db.prepare('INSERT INTO reports (id, createdAt, report) VALUES (?, ?, ?)')
const aggregation =
  stored &&
  new Database(stored, { readonly: true }).prepare(
    `SELECT createdAt / ${HOUR_MS} * ${HOUR_MS} AS time, sum(severity = 'info') AS info, sum(severity = 'warn') AS warn,
       sum(severity = 'block') AS block FROM reports WHERE tenantId = ? AND createdAt >= ? GROUP BY 1 ORDER BY 1`,
  )

let waiting = []
const write = db.transaction((reports) => {
  for (const { id, report } of reports) insert.run(id, Date.now(), report)
})
function flush() {
  const reports = waiting
  waiting = []
  write(reports)
  for (const { resolve } of reports) resolve()
}

const app = Fastify()
app.get('/health/ready', () => ({ status: 'ready' }))
app.post('/ingest/qc', async (request, reply) => {
  const id = randomUUID()
  await new Promise((resolve) => {
    waiting.push({ id, report: JSON.stringify(request.body), resolve })
    if (waiting.length === 1) setImmediate(flush)
  })
  return reply.code(201).send({ id, status: 'ingested' })
})
app.get('/timeline', (request) => {
  const window_h = Number(request.query.window_h)
  return { window_h, buckets: aggregation.all(request.headers['x-tenant'], Date.now() - window_h * HOUR_MS) }
})
await app.listen({ port: Number(port), host: '127.0.0.1' })
process.on('disconnect', () => process.exit())
