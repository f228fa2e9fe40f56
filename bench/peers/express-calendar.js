// The calendar's events as an Express service commonly is: json parser, checks by hand, statements prepared in the
// handler, rows turned into objects, WAL with synchronous=NORMAL (better-sqlite3's default there), which a power cut may undo.
import Database from 'better-sqlite3'
import express from 'express'
import { randomUUID } from 'node:crypto'

const [port, file] = process.argv.slice(2)
const db = new Database(file)
db.pragma('journal_mode = WAL')
db.pragma('synchronous = NORMAL')
db.exec(`CREATE TABLE IF NOT EXISTS events (
  id TEXT PRIMARY KEY, user_id TEXT NOT NULL, title TEXT NOT NULL, description TEXT, start_time TEXT NOT NULL,
  end_time TEXT NOT NULL, start_at TEXT NOT NULL, end_at TEXT NOT NULL, time_zone TEXT NOT NULL,
  all_day INTEGER NOT NULL, location TEXT, type TEXT NOT NULL, color TEXT NOT NULL, reminder_minutes INTEGER,
  created_at TEXT NOT NULL, updated_at TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS events_by_start ON events (user_id, start_at)`)

const TYPES = ['personal', 'work', 'family', 'health', 'fortune', 'anniversary', 'holiday', 'other']
const COLUMNS = `id, title, description, start_time, end_time, start_at, end_at, time_zone, all_day, location, type,
  color, reminder_minutes, created_at, updated_at`
const SEOUL = '+09:00'
const eventOf = (row) => ({ ...row, all_day: row.all_day === 1 })
const userOf = (req) => req.get('x-user-id') ?? 'default'

function faults(body) {
  const found = []
  if (typeof body?.title !== 'string' || body.title.length < 1 || body.title.length > 255) found.push('title')
  for (const name of ['start_time', 'end_time']) if (Number.isNaN(Date.parse(body?.[name]))) found.push(name)
  if (body?.type !== undefined && !TYPES.includes(body.type)) found.push('type')
  if (body?.color !== undefined && !/^#[0-9a-f]{6}$/i.test(body.color)) found.push('color')
  return found
}

const app = express()
app.use(express.json())

app.get('/health/ready', (req, res) => res.json({ status: 'ready' }))

app.get('/api/calendar/events', (req, res) => {
  const { start = '0000', end = '9999' } = req.query
  const rows = db
    .prepare(
      `SELECT ${COLUMNS} FROM events WHERE user_id = ? AND start_at <= ? AND end_at >= ? ORDER BY start_at LIMIT 1000`,
    )
    .all(userOf(req), end, start)
  res.json({ status: 'success', data: rows.map(eventOf), count: rows.length })
})

app.get('/api/calendar/events/:id', (req, res) => {
  const row = db.prepare(`SELECT ${COLUMNS} FROM events WHERE user_id = ? AND id = ?`).get(userOf(req), req.params.id)
  if (row === undefined) return res.status(404).json({ status: 'error', message: 'Event not found' })
  return res.json({ status: 'success', data: eventOf(row) })
})

app.post('/api/calendar/events', (req, res) => {
  const wrong = faults(req.body)
  if (wrong.length > 0) return res.status(400).json({ status: 'error', message: `${wrong.join(', ')} not valid` })
  const { title, description = null, start_time, end_time, all_day = false, location = null } = req.body
  const { type = 'personal', color = '#3B82F6', reminder_minutes = null } = req.body
  const now = new Date().toISOString()
  const row = {
    id: randomUUID(),
    user_id: userOf(req),
    title,
    description,
    start_time: start_time.slice(0, 16),
    end_time: end_time.slice(0, 16),
    start_at: new Date(start_time + SEOUL).toISOString(),
    end_at: new Date(end_time + SEOUL).toISOString(),
    time_zone: 'Asia/Seoul',
    all_day: all_day ? 1 : 0,
    location,
    type,
    color,
    reminder_minutes,
    created_at: now,
    updated_at: now,
  }
  const names = Object.keys(row)
  db.prepare(`INSERT INTO events (${names.join(', ')}) VALUES (${names.map((name) => `@${name}`).join(', ')})`).run(row)
  const stored = db.prepare(`SELECT ${COLUMNS} FROM events WHERE id = ?`).get(row.id)
  return res.status(201).json({ status: 'success', data: eventOf(stored) })
})

app.listen(Number(port), '127.0.0.1')
process.on('disconnect', () => process.exit())
