import path from 'node:path'
import { openDatabase, type Database, type Migration } from '#shared/database.ts'
import { IDEMPOTENCY_TABLE } from '#shared/writes.ts'
import type { CalendarConfig } from './config.ts'

/** 'NJCA' in ASCII. */
const APPLICATION_ID = 0x4e4a4341

export const LONG_DAYS = 8
/** True of events that last longer than LONG_DAYS; a query that says so uses the index of the long ones. */
export const IS_LONG = `julianday(last_at) - julianday(start_at) > ${LONG_DAYS}`

/** Append-only; a step that has landed is never edited. */
export const migrations: readonly Migration[] = [
  `${IDEMPOTENCY_TABLE}
  CREATE TABLE events (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    start_time TEXT NOT NULL, -- wall clock in time_zone, YYYY-MM-DDTHH:mm
    end_time TEXT NOT NULL,
    all_day INTEGER NOT NULL,
    location TEXT,
    type TEXT NOT NULL,
    color TEXT NOT NULL,
    reminder_minutes INTEGER,
    start_at TEXT NOT NULL, -- instant, YYYY-MM-DDTHH:mm:ss.sssZ: fixed width, so it compares as text
    end_at TEXT NOT NULL,
    last_at TEXT NOT NULL, -- until when lists find it: end_at, or the end of the last day of an all-day event
    time_zone TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  ) STRICT;
  -- last_at and type make it covering: what a list passes over is not read from the table.
  CREATE INDEX events_by_start ON events (user_id, start_at, id, last_at, type);
  -- The few events that are long; the others that overlap a window begin at most eight days before it.
  CREATE INDEX events_long ON events (user_id, last_at, start_at) WHERE ${IS_LONG};

  CREATE TABLE tags (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL, -- NFC of the name: macOS writes 가족 as six letters, others as two, and it is one name
    color TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  ) STRICT;
  CREATE UNIQUE INDEX tags_by_name ON tags (user_id, name_key);
  -- Users who got the default tags: who deletes them all does not get them again.
  CREATE TABLE tag_owners (user_id TEXT PRIMARY KEY, created_at TEXT NOT NULL) STRICT, WITHOUT ROWID;

  CREATE TABLE event_tags (
    event_id TEXT NOT NULL REFERENCES events ON DELETE CASCADE,
    tag_id TEXT NOT NULL REFERENCES tags ON DELETE CASCADE,
    PRIMARY KEY (event_id, tag_id)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX event_tags_by_tag ON event_tags (tag_id);

  CREATE TABLE todos (
    number INTEGER PRIMARY KEY, -- order of creation
    id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    title TEXT NOT NULL,
    description TEXT,
    date TEXT NOT NULL,
    priority TEXT NOT NULL,
    rank INTEGER NOT NULL AS (CASE priority WHEN 'high' THEN 0 WHEN 'medium' THEN 1 ELSE 2 END) STORED,
    completed INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
  ) STRICT;
  CREATE INDEX todos_by_date ON todos (user_id, date, rank);
  `,
]

export const openCalendarDatabase = (config: CalendarConfig): Database =>
  openDatabase({ file: path.join(config.DATA_DIR, 'calendar.db'), applicationId: APPLICATION_ID, migrations })
