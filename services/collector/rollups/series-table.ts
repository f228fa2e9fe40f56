/**
 * Reports by time, and by rule and policy version and time, each for buckets of several sizes (in milliseconds). What a report
 * counts as is a column, so that a bucket is one row. Of rules and policy versions a bucket has so many at most (series_buckets
 * counts them), and the rest under ''.
 */
export const SERIES_TABLES = `
  CREATE TABLE report_series (
    tenantId TEXT NOT NULL,
    dimension TEXT NOT NULL,
    name TEXT NOT NULL,
    size INTEGER NOT NULL,
    time INTEGER NOT NULL,
    none INTEGER NOT NULL,
    info INTEGER NOT NULL,
    warn INTEGER NOT NULL,
    block INTEGER NOT NULL,
    PRIMARY KEY (tenantId, dimension, name, size, time)
  ) WITHOUT ROWID;
  CREATE TABLE series_buckets (
    tenantId TEXT NOT NULL,
    dimension TEXT NOT NULL,
    size INTEGER NOT NULL,
    time INTEGER NOT NULL,
    names INTEGER NOT NULL,
    PRIMARY KEY (tenantId, dimension, size, time)
  ) WITHOUT ROWID;
  -- Those of 5 minutes are forgotten by age.
  CREATE INDEX report_series_fine ON report_series (time) WHERE size = 300000;
  CREATE INDEX series_buckets_fine ON series_buckets (time) WHERE size = 300000;`
