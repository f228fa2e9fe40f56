import type { Database } from '#shared/database.ts'
import { SERIES_TABLES } from '../rollups/series-table.ts'
import { findHeldReports, findStoredReports } from './backfill.ts'

/**
 * What reports are found by, beside their columns. A term is a thing that reports say; which reports say it is a row for each
 * 1024 reports in the order of arrival, so that a million reports are a thousand rows, and several terms together are found
 * by comparing bits.
 */
const SEARCH_TABLES = `
  CREATE TABLE search_terms (
    id INTEGER PRIMARY KEY,
    tenantId TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    value TEXT NOT NULL
  );
  CREATE UNIQUE INDEX search_terms_by_name ON search_terms (tenantId, kind, name, value);
  -- Pairs of neighbouring characters of the texts; rowid is the term.
  CREATE VIRTUAL TABLE search_texts USING fts5 (grams, content = '', contentless_delete = 1, tokenize = 'ascii');

  -- What each report says: written with it, and what its block is made of when it is full.
  CREATE TABLE search_reports (
    seq INTEGER PRIMARY KEY,
    tenantId TEXT NOT NULL,
    createdAt INTEGER NOT NULL,
    terms TEXT NOT NULL
  );
  CREATE TABLE search_bits (
    term INTEGER NOT NULL,
    block INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (term, block)
  ) WITHOUT ROWID;
  -- All reports of a tenant in a block, and bounds of their times.
  CREATE TABLE search_blocks (
    tenantId TEXT NOT NULL,
    block INTEGER NOT NULL,
    oldest INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    bits BLOB NOT NULL,
    PRIMARY KEY (tenantId, block)
  ) WITHOUT ROWID;

  -- lastSeq: no number is given twice, also when the last reports were deleted. nextBlock: the first that is not full yet.
  CREATE TABLE report_order (lastSeq INTEGER NOT NULL, nextBlock INTEGER NOT NULL);
  INSERT INTO report_order SELECT coalesce(max(seq), 0), 0 FROM reports;`

/** The tables, and in them what is there already. */
export function makeFindable(db: Database): void {
  db.exec(SEARCH_TABLES)
  db.exec(SERIES_TABLES)
  findStoredReports(db)
}

/** Reports without a severity in their order, and those on hold. */
export function listAllKinds(db: Database): void {
  db.exec('CREATE INDEX reports_without_severity ON reports (tenantId, createdAt) WHERE severity IS NULL')
  findHeldReports(db)
}
