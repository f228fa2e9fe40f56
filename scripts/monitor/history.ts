import path from 'node:path'
import { openDatabase, type Database } from '#shared/database.ts'
import { KEEP_MS, WATCH_KEEP_EVERY_MS } from './limits.ts'
import type { Run } from './run.ts'
import { summaryOf, type Summary } from './summary.ts'

export const HEALTH_APPLICATION_ID = 0x6e6a_6d68 // "njmh"

const migrations = [
  `CREATE TABLE runs (
     id INTEGER PRIMARY KEY,
     at INTEGER NOT NULL, -- ms since 1970
     verdict TEXT NOT NULL CHECK (verdict IN ('healthy', 'degraded', 'down')),
     kind TEXT NOT NULL, -- 'status', or the settings of a load run: only like is compared with like
     summary TEXT NOT NULL
   ) STRICT;
   CREATE INDEX runs_by_kind ON runs (kind, at);
   CREATE INDEX runs_by_verdict ON runs (verdict, at);
   CREATE TABLE baseline (
     kind TEXT PRIMARY KEY,
     summary TEXT NOT NULL -- a copy, so that it outlives its run
   ) STRICT;`,
] as const

export interface History {
  /** The latest runs, newest first; of one kind when it is given. */
  latest(count: number, kind?: string): Summary[]
  /** The run that was set as the baseline of this kind. */
  baseline(kind: string): Summary | undefined
  setBaseline(run: Run): void
  /** Keeps a run and forgets those past their time. */
  keep(run: Run): void
  /** Keeps a run of a watch only when it says something new, or when the last one is a while ago. */
  keepNew(run: Run): void
  close(): void
}

const read = (row: unknown): Summary => JSON.parse((row as { summary: string }).summary) as Summary

function createHistory(db: Database): History {
  const all = db.prepare('SELECT summary FROM runs ORDER BY at DESC, id DESC LIMIT ?')
  const byKind = db.prepare('SELECT summary FROM runs WHERE kind = ? ORDER BY at DESC, id DESC LIMIT ?')
  const insert = db.prepare('INSERT INTO runs (at, verdict, kind, summary) VALUES (?, ?, ?, ?)')
  const forget = db.prepare("DELETE FROM runs WHERE (verdict = 'healthy' AND at < ?) OR at < ?")
  const getBaseline = db.prepare('SELECT summary FROM baseline WHERE kind = ?')
  const putBaseline = db.prepare('INSERT OR REPLACE INTO baseline (kind, summary) VALUES (?, ?)')

  const keep = (run: Run) => {
    const summary = summaryOf(run)
    insert.run(summary.at, summary.verdict, summary.kind, JSON.stringify(summary))
    forget.run(summary.at - KEEP_MS.healthy, summary.at - KEEP_MS.failed)
  }
  const latest = (count: number, kind?: string) =>
    (kind === undefined ? all.all(count) : byKind.all(kind, count)).map(read)

  return {
    latest,
    keep,
    keepNew: (run) => {
      const [before] = latest(1)
      const now = summaryOf(run)
      const isSame = before !== undefined && before.grade === now.grade && `${before.failed}` === `${now.failed}`
      if (!isSame || now.at - before.at >= WATCH_KEEP_EVERY_MS) keep(run)
    },
    baseline: (kind) => {
      const row = getBaseline.get(kind)
      return row === undefined ? undefined : read(row)
    },
    setBaseline: (run) => {
      const summary = summaryOf(run)
      putBaseline.run(summary.kind, JSON.stringify(summary))
    },
    close: () => db.close(),
  }
}

/**
 * Opens `<dataDir>/health.sqlite`.
 * @throws DatabaseRefused for a foreign, damaged or newer file, and what the file system throws when the folder cannot be written
 */
export function openHistory(dataDir: string): History {
  const file = path.join(dataDir, 'health.sqlite')
  return createHistory(openDatabase({ file, applicationId: HEALTH_APPLICATION_ID, migrations }))
}
