import path from 'node:path'
import { openDatabase, type Database, type Migration } from '#shared/database.ts'
import { IDEMPOTENCY_TABLE } from '#shared/writes.ts'

/** 'NjDi' in ASCII: marks a file as the diary's (PRAGMA application_id). */
const APPLICATION_ID = 0x4e_6a_44_69

export const migrations: readonly Migration[] = [
  IDEMPOTENCY_TABLE,
  // mood has the type ANY: a number comes back as a number, an emoji as text. search_text is what search/fold.ts makes.
  `
  CREATE TABLE entries (
    id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    date TEXT NOT NULL,
    content TEXT NOT NULL,
    mood ANY,
    weather TEXT,
    tags TEXT NOT NULL,
    search_text TEXT NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    UNIQUE (user_id, date)
  ) STRICT;
  CREATE TABLE images (
    id TEXT PRIMARY KEY,
    entry_id TEXT NOT NULL REFERENCES entries (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    position INTEGER NOT NULL,
    created_at TEXT NOT NULL
  ) STRICT;
  CREATE INDEX images_by_entry ON images (entry_id, position);
  `,
]

/** `diary.db` in DATA_DIR, migrated. */
export const openDiaryDatabase = ({ DATA_DIR }: { DATA_DIR: string }): Database =>
  openDatabase({ file: path.join(DATA_DIR, 'diary.db'), applicationId: APPLICATION_ID, migrations })
