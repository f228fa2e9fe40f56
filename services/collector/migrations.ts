import { openDatabase, type Database, type Migration } from '#shared/database.ts'
import { IDEMPOTENCY_TABLE } from '#shared/writes.ts'
import path from 'node:path'
import type { CollectorConfig } from './config.ts'
import { ALERT_TABLES } from './alerts/migration.ts'
import { NAME_ACTORS } from './audit/migration.ts'
import { EXPORT_TABLES, LINKS_BY_EXPIRY } from './exports/migration.ts'
import { APPENDED_HASHES } from './ingest/migration.ts'
import { RETENTION_TABLES } from './retention/migration.ts'
import { prepareToShrink } from './retention/space.ts'
import { listAllKinds, makeFindable } from './search/migration.ts'
import { COUNT_QUARANTINED, TENANT_TABLES } from './tenants/migration.ts'

/** Marks the file as the collector's: 'NJco'. */
const APPLICATION_ID = 0x4e_4a_63_6f

const HOUR_MS = 3_600_000

/** Append-only; columns are named as the API names them. */
export const migrations: readonly Migration[] = [
  `${IDEMPOTENCY_TABLE}
  -- seq is the order of arrival: it decides between reports of the same millisecond.
  CREATE TABLE reports (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenantId TEXT NOT NULL,
    createdAt INTEGER NOT NULL,
    updatedAt INTEGER NOT NULL,
    severity TEXT,
    policyVersion TEXT,
    markdown TEXT,
    report TEXT NOT NULL
  );
  CREATE INDEX reports_by_time ON reports (tenantId, createdAt);
  CREATE INDEX reports_by_severity ON reports (tenantId, severity, createdAt) WHERE severity IS NOT NULL;
  CREATE INDEX reports_by_policy ON reports (tenantId, policyVersion, createdAt) WHERE policyVersion IS NOT NULL;

  -- What the timeline and the list would else count anew at every poll, kept in the transaction of every change.
  CREATE TABLE report_hours (
    tenantId TEXT NOT NULL,
    time INTEGER NOT NULL,
    severity TEXT NOT NULL,
    reports INTEGER NOT NULL,
    PRIMARY KEY (tenantId, time, severity)
  ) WITHOUT ROWID;
  CREATE TABLE report_totals (
    tenantId TEXT NOT NULL,
    severity TEXT NOT NULL,
    reports INTEGER NOT NULL,
    PRIMARY KEY (tenantId, severity)
  ) WITHOUT ROWID;
  CREATE TRIGGER reports_added AFTER INSERT ON reports BEGIN
    INSERT INTO report_hours VALUES (NEW.tenantId, NEW.createdAt / ${HOUR_MS} * ${HOUR_MS}, coalesce(NEW.severity, 'none'), 1)
      ON CONFLICT DO UPDATE SET reports = reports + 1;
    INSERT INTO report_totals VALUES (NEW.tenantId, coalesce(NEW.severity, 'none'), 1)
      ON CONFLICT DO UPDATE SET reports = reports + 1;
  END;
  CREATE TRIGGER reports_deleted AFTER DELETE ON reports BEGIN
    UPDATE report_hours SET reports = reports - 1 WHERE (tenantId, time, severity) =
      (OLD.tenantId, OLD.createdAt / ${HOUR_MS} * ${HOUR_MS}, coalesce(OLD.severity, 'none'));
    DELETE FROM report_hours WHERE reports = 0 AND (tenantId, time, severity) =
      (OLD.tenantId, OLD.createdAt / ${HOUR_MS} * ${HOUR_MS}, coalesce(OLD.severity, 'none'));
    UPDATE report_totals SET reports = reports - 1 WHERE (tenantId, severity) =
      (OLD.tenantId, coalesce(OLD.severity, 'none'));
  END;

  CREATE TABLE sign_tokens (
    seq INTEGER PRIMARY KEY,
    tokenHash BLOB NOT NULL UNIQUE,
    reportId TEXT NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
    tenantId TEXT NOT NULL,
    requestedBy TEXT NOT NULL,
    tokenPreview TEXT NOT NULL,
    issuedAt INTEGER NOT NULL,
    expiresAt INTEGER NOT NULL
  );
  CREATE INDEX sign_tokens_by_report ON sign_tokens (reportId);

  CREATE TABLE audit_log (
    seq INTEGER PRIMARY KEY,
    timestamp INTEGER NOT NULL,
    method TEXT NOT NULL,
    path TEXT NOT NULL,
    tenantId TEXT NOT NULL,
    ip TEXT NOT NULL,
    userAgent TEXT,
    statusCode INTEGER NOT NULL,
    responseTime REAL NOT NULL,
    securityEvent TEXT
  );
  CREATE INDEX audit_log_by_time ON audit_log (tenantId, timestamp);
  CREATE INDEX audit_log_security ON audit_log (tenantId, timestamp) WHERE securityEvent IS NOT NULL;`,

  `-- 1 is a report that does not fit its schema. Numbers 0 and 1 take no room after a long report, and reading one skips it.
  ALTER TABLE reports ADD COLUMN quarantined INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE reports ADD COLUMN errors TEXT;
  ALTER TABLE reports ADD COLUMN schemaName TEXT;
  ALTER TABLE reports ADD COLUMN labels TEXT;
  CREATE INDEX reports_quarantined ON reports (tenantId, createdAt) WHERE quarantined = 1;

  -- Counts are kept by the writes themselves, once for all reports of a transaction, and know of the quarantine.
  DROP TRIGGER reports_added;
  DROP TRIGGER reports_deleted;
  CREATE TABLE report_counts (
    tenantId TEXT NOT NULL,
    quarantined INTEGER NOT NULL,
    severity TEXT NOT NULL,
    reports INTEGER NOT NULL,
    PRIMARY KEY (tenantId, quarantined, severity)
  ) WITHOUT ROWID;
  INSERT INTO report_counts SELECT tenantId, 0, severity, reports FROM report_totals WHERE reports > 0;
  DROP TABLE report_totals;

  -- Which report has a content, for the time in which it is not stored again.
  CREATE TABLE report_hashes (
    tenantId TEXT NOT NULL,
    hash BLOB NOT NULL,
    reportId TEXT NOT NULL,
    createdAt INTEGER NOT NULL,
    PRIMARY KEY (tenantId, hash)
  ) WITHOUT ROWID;
  CREATE INDEX report_hashes_by_age ON report_hashes (createdAt);

  CREATE TABLE schemas (
    tenantId TEXT NOT NULL,
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    schema TEXT NOT NULL,
    createdAt INTEGER NOT NULL,
    PRIMARY KEY (tenantId, name, version)
  ) WITHOUT ROWID;`,

  `CREATE TABLE findings (
    tenantId TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    rule TEXT NOT NULL,
    target TEXT NOT NULL,
    message TEXT NOT NULL,
    severity TEXT NOT NULL,
    verdict TEXT NOT NULL,
    state TEXT NOT NULL,
    firstSeen INTEGER NOT NULL,
    lastSeen INTEGER NOT NULL,
    changedAt INTEGER NOT NULL,
    count INTEGER NOT NULL,
    changes INTEGER NOT NULL,
    opened INTEGER NOT NULL,
    lastReportId TEXT NOT NULL,
    mutedReason TEXT,
    mutedUntil INTEGER,
    mutedBy TEXT,
    PRIMARY KEY (tenantId, fingerprint)
  ) WITHOUT ROWID;
  CREATE INDEX findings_by_time ON findings (tenantId, lastSeen, fingerprint);
  -- What a report may resolve by saying nothing of it any more.
  CREATE INDEX findings_open ON findings (tenantId, rule, target) WHERE state <> 'resolved';

  CREATE TABLE finding_events (
    seq INTEGER PRIMARY KEY,
    tenantId TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL,
    verdict TEXT NOT NULL,
    reportId TEXT NOT NULL,
    FOREIGN KEY (tenantId, fingerprint) REFERENCES findings ON DELETE CASCADE
  );
  CREATE INDEX finding_events_by_finding ON finding_events (tenantId, fingerprint);
  CREATE INDEX finding_events_by_time ON finding_events (tenantId, at);`,

  TENANT_TABLES,
  EXPORT_TABLES,
  APPENDED_HASHES,
  RETENTION_TABLES,
  makeFindable,
  ALERT_TABLES,
  LINKS_BY_EXPIRY,
  listAllKinds,
  COUNT_QUARANTINED,
  NAME_ACTORS,
]

/** The database as its one writer opens it. */
export const openCollectorDatabase = (config: Pick<CollectorConfig, 'DATA_DIR'>): Database =>
  openDatabase({
    file: path.join(config.DATA_DIR, 'collector.db'),
    applicationId: APPLICATION_ID,
    migrations,
    autoVacuum: 'incremental',
  })

/** Pages that are not here are in the system's cache. */
const READER_CACHE_KIB = 8192

/** The database for those who only read: made and migrated when that is due, and then closed to writes. */
export function openForReading(config: Pick<CollectorConfig, 'DATA_DIR' | 'RETENTION_VACUUM_MAX_BYTES'>): Database {
  const db = openCollectorDatabase(config)
  prepareToShrink(db, config.RETENTION_VACUUM_MAX_BYTES)
  db.pragma('query_only = ON')
  db.pragma(`cache_size = -${READER_CACHE_KIB}`)
  return db
}
