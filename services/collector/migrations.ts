import { openDatabase, type Database, type Migration } from '#shared/database.ts'
import { IDEMPOTENCY_TABLE } from '#shared/writes.ts'
import path from 'node:path'
import type { CollectorConfig } from './config.ts'

/** Marks the file as the collector's: 'NJco'. */
const APPLICATION_ID = 0x4e_4a_63_6f

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
  -- Lists and counts read no report; with severity in it, neither does the timeline.
  CREATE INDEX reports_by_time ON reports (tenantId, createdAt, seq, severity);
  CREATE INDEX reports_by_severity ON reports (tenantId, severity, createdAt) WHERE severity IS NOT NULL;
  CREATE INDEX reports_by_policy ON reports (tenantId, policyVersion, createdAt) WHERE policyVersion IS NOT NULL;

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
]

export const openCollectorDatabase = (config: Pick<CollectorConfig, 'DATA_DIR'>): Database =>
  openDatabase({ file: path.join(config.DATA_DIR, 'collector.db'), applicationId: APPLICATION_ID, migrations })
