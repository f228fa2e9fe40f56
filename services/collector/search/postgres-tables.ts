import type { PostgresMigration } from '../postgres/migrations.ts'
import { HELD, IS_HELD } from './postgres-terms.ts'

const WORD = 'TEXT COLLATE "C"'

/**
 * What reports are found and counted by. A term is a number made of what is said; a name may be too long for an index, its key is
 * not.
 */
export const searchTables = (isolated: (table: string) => PostgresMigration): PostgresMigration => [
  `CREATE TABLE search_reports (
    tenantId ${WORD} NOT NULL,
    seq BIGINT NOT NULL,
    createdAt BIGINT NOT NULL,
    terms BIGINT[] NOT NULL,
    counted TEXT NOT NULL,
    PRIMARY KEY (tenantId, seq)
  )`,
  'CREATE INDEX search_reports_by_time ON search_reports (tenantId, createdAt, seq)',
  'CREATE INDEX search_reports_by_term ON search_reports USING gin (terms)',
  ...isolated('search_reports'),
  // reports: how many say it; a text that nobody says any more goes.
  `CREATE TABLE search_texts (
    tenantId ${WORD} NOT NULL,
    term BIGINT NOT NULL,
    body TEXT NOT NULL,
    grams TEXT[] NOT NULL,
    reports BIGINT NOT NULL,
    PRIMARY KEY (tenantId, term)
  ) WITH (fillfactor = 70)`,
  'CREATE INDEX search_texts_by_gram ON search_texts USING gin (grams)',
  ...isolated('search_texts'),
  `CREATE TABLE report_series (
    tenantId ${WORD} NOT NULL,
    dimension ${WORD} NOT NULL,
    key ${WORD} NOT NULL,
    size BIGINT NOT NULL,
    time BIGINT NOT NULL,
    shard SMALLINT NOT NULL,
    name TEXT NOT NULL,
    none BIGINT NOT NULL,
    info BIGINT NOT NULL,
    warn BIGINT NOT NULL,
    block BIGINT NOT NULL,
    PRIMARY KEY (tenantId, dimension, key, size, time, shard)
  ) WITH (fillfactor = 50)`,
  'CREATE INDEX report_series_by_time ON report_series (tenantId, dimension, size, time)',
  'CREATE INDEX report_series_fine ON report_series (time) WHERE size = 300000',
  ...isolated('report_series'),
  // The names that are counted apart on a day (UTC).
  `CREATE TABLE series_names (
    tenantId ${WORD} NOT NULL,
    dimension ${WORD} NOT NULL,
    day BIGINT NOT NULL,
    keys TEXT[] NOT NULL,
    PRIMARY KEY (tenantId, dimension, day)
  )`,
  ...isolated('series_names'),
  // Who reads by arrival, and who sorts by severity, which a report need not have.
  'CREATE INDEX reports_by_arrival ON reports (tenantId, seq)',
  'DROP INDEX reports_by_severity',
  'CREATE INDEX reports_by_severity ON reports (tenantId, severity, createdAt, seq)',
]

/** Reports on hold that are not found as such. */
export const FIND_HELD = `UPDATE search_reports AS found SET terms = terms || ${HELD}::bigint
  FROM report_holds AS h JOIN reports AS r
    ON r.createdAt = split_part(h.reportId, '-', 2)::bigint AND r.id = h.reportId AND r.tenantId = h.tenantId
  WHERE found.tenantId = r.tenantId AND found.seq = r.seq AND NOT ${IS_HELD}`

/** See listAllKinds in migration.ts. */
export const LIST_ALL_KINDS: PostgresMigration = [
  'CREATE INDEX reports_without_severity ON reports (tenantId, createdAt, seq) WHERE severity IS NULL',
  // Row-level security keeps the index of terms from being used: @> might tell of other tenants' rows.
  `CREATE INDEX search_reports_held ON search_reports (tenantId, createdAt, seq) WHERE ${IS_HELD}`,
  FIND_HELD,
]
