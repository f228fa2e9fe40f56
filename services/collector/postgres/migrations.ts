import { LINKS_BY_EXPIRY } from '../exports/migration.ts'
import { LIST_ALL_KINDS, searchTables } from '../search/postgres-tables.ts'
import { postgresAlertTables } from '../alerts/postgres-migration.ts'
import { NAME_ACTORS } from '../audit/migration.ts'
import { postgresRetentionTables } from '../retention/postgres-tables.ts'
import { BUNDLE_KEY_TABLE } from '../exports/keys/postgres.ts'
import { COUNT_QUARANTINED } from '../tenants/migration.ts'
import { TENANT_TABLES } from '../tenants/postgres-migration.ts'

/** Statements of one step, done in one transaction. */
export type PostgresMigration = readonly string[]

/**
 * Lets a tenant's statements see its own rows only, also those of the tables' owner; a statement that names no tenant sees none.
 * The settings are read once a statement, not once a row.
 */
export const isolated = (table: string, owner = 'tenantId'): PostgresMigration => [
  `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
  `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`,
  `CREATE POLICY own_rows ON ${table} USING (
    ${owner} = (SELECT current_setting('najimban.tenant', true))
    OR (SELECT current_setting('najimban.every_tenant', true)) = 'on'
  )`,
]

/** Text that is ordered or compared by its characters, as SQLite does. */
const WORD = 'TEXT COLLATE "C"'

/**
 * Append-only, as the list of SQLite's, with numbers of its own. Names without quotes: SQL in tests is for both engines.
 * What counts has a row for each shard; a process has its own, so that replicas do not wait for each other.
 */
export const migrations: readonly PostgresMigration[] = [
  [
    `CREATE TABLE idempotency_keys (
      owner ${WORD} NOT NULL,
      key ${WORD} NOT NULL,
      fingerprint TEXT NOT NULL,
      status INTEGER NOT NULL,
      body TEXT,
      sealed BYTEA,
      createdAt BIGINT NOT NULL,
      PRIMARY KEY (owner, key)
    )`,
    'CREATE INDEX idempotency_keys_by_age ON idempotency_keys (createdAt)',
    ...isolated('idempotency_keys', 'owner'),

    // seq is the order of arrival: it decides between reports of the same millisecond.
    'CREATE SEQUENCE report_order',
    // An id has its time in it, so that unique in a month is unique, and who looks for one knows the month.
    `CREATE TABLE reports (
      seq BIGINT NOT NULL DEFAULT nextval('report_order'),
      id ${WORD} NOT NULL,
      tenantId ${WORD} NOT NULL,
      createdAt BIGINT NOT NULL,
      updatedAt BIGINT NOT NULL,
      severity TEXT,
      policyVersion TEXT,
      quarantined SMALLINT NOT NULL,
      errors TEXT,
      schemaName TEXT,
      labels TEXT,
      markdown TEXT,
      report TEXT NOT NULL,
      PRIMARY KEY (createdAt, id),
      CHECK (starts_with(id, 'report-' || createdAt || '-'))
    ) PARTITION BY RANGE (createdAt)`,
    'CREATE INDEX reports_by_time ON reports (tenantId, createdAt, seq)',
    'CREATE INDEX reports_by_severity ON reports (tenantId, severity, createdAt, seq) WHERE severity IS NOT NULL',
    'CREATE INDEX reports_by_policy ON reports (tenantId, policyVersion, createdAt, seq) WHERE policyVersion IS NOT NULL',
    'CREATE INDEX reports_quarantined ON reports (tenantId, createdAt, seq) WHERE quarantined = 1',
    ...isolated('reports'),

    `CREATE TABLE report_hashes (
      tenantId ${WORD} NOT NULL,
      hash BYTEA NOT NULL,
      reportId ${WORD} NOT NULL,
      createdAt BIGINT NOT NULL,
      PRIMARY KEY (tenantId, hash)
    )`,
    'CREATE INDEX report_hashes_by_age ON report_hashes (createdAt)',
    ...isolated('report_hashes'),

    `CREATE TABLE report_hours (
      tenantId ${WORD} NOT NULL,
      time BIGINT NOT NULL,
      severity ${WORD} NOT NULL,
      shard SMALLINT NOT NULL,
      reports BIGINT NOT NULL,
      PRIMARY KEY (tenantId, time, severity, shard)
    ) WITH (fillfactor = 70)`,
    ...isolated('report_hours'),
    `CREATE TABLE report_counts (
      tenantId ${WORD} NOT NULL,
      quarantined SMALLINT NOT NULL,
      severity ${WORD} NOT NULL,
      shard SMALLINT NOT NULL,
      reports BIGINT NOT NULL,
      PRIMARY KEY (tenantId, quarantined, severity, shard)
    ) WITH (fillfactor = 50)`,
    ...isolated('report_counts'),
    `CREATE TABLE tenant_versions (
      tenantId ${WORD} NOT NULL,
      shard SMALLINT NOT NULL,
      version BIGINT NOT NULL,
      PRIMARY KEY (tenantId, shard)
    ) WITH (fillfactor = 50)`,
    ...isolated('tenant_versions'),

    `CREATE TABLE sign_tokens (
      seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      id ${WORD} NOT NULL UNIQUE,
      tokenHash BYTEA NOT NULL UNIQUE,
      reportId ${WORD} NOT NULL,
      tenantId ${WORD} NOT NULL,
      purpose TEXT NOT NULL,
      singleUse SMALLINT NOT NULL,
      requestedBy TEXT NOT NULL,
      tokenPreview TEXT NOT NULL,
      issuedAt BIGINT NOT NULL,
      expiresAt BIGINT NOT NULL,
      usedAt BIGINT,
      revokedAt BIGINT
    )`,
    'CREATE INDEX sign_tokens_by_report ON sign_tokens (tenantId, reportId)',
    ...isolated('sign_tokens'),

    `CREATE TABLE audit_log (
      seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      timestamp BIGINT NOT NULL,
      method TEXT NOT NULL,
      path TEXT NOT NULL,
      tenantId ${WORD} NOT NULL,
      ip TEXT NOT NULL,
      userAgent TEXT,
      statusCode INTEGER NOT NULL,
      responseTime DOUBLE PRECISION NOT NULL,
      securityEvent TEXT
    )`,
    'CREATE INDEX audit_log_by_time ON audit_log (tenantId, timestamp, seq)',
    'CREATE INDEX audit_log_security ON audit_log (tenantId, timestamp, seq) WHERE securityEvent IS NOT NULL',
    ...isolated('audit_log'),

    `CREATE TABLE schemas (
      tenantId ${WORD} NOT NULL,
      name ${WORD} NOT NULL,
      version INTEGER NOT NULL,
      schema TEXT NOT NULL,
      createdAt BIGINT NOT NULL,
      PRIMARY KEY (tenantId, name, version)
    )`,
    ...isolated('schemas'),

    `CREATE TABLE findings (
      tenantId ${WORD} NOT NULL,
      fingerprint ${WORD} NOT NULL,
      rule TEXT NOT NULL,
      target TEXT NOT NULL,
      message TEXT NOT NULL,
      severity TEXT NOT NULL,
      verdict TEXT NOT NULL,
      state TEXT NOT NULL,
      firstSeen BIGINT NOT NULL,
      lastSeen BIGINT NOT NULL,
      changedAt BIGINT NOT NULL,
      count BIGINT NOT NULL,
      changes BIGINT NOT NULL,
      opened BIGINT NOT NULL,
      lastReportId TEXT NOT NULL,
      mutedReason TEXT,
      mutedUntil BIGINT,
      mutedBy TEXT,
      PRIMARY KEY (tenantId, fingerprint)
    )`,
    'CREATE INDEX findings_by_time ON findings (tenantId, lastSeen, fingerprint)',
    // What a report may resolve by saying nothing of it any more; a rule and a target are too long for an index as they are.
    `CREATE INDEX findings_open ON findings (tenantId, md5(rule), md5(target)) WHERE state <> 'resolved'`,
    ...isolated('findings'),
    `CREATE TABLE finding_events (
      seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      tenantId ${WORD} NOT NULL,
      fingerprint ${WORD} NOT NULL,
      at BIGINT NOT NULL,
      event TEXT NOT NULL,
      verdict TEXT NOT NULL,
      reportId TEXT NOT NULL,
      FOREIGN KEY (tenantId, fingerprint) REFERENCES findings ON DELETE CASCADE
    )`,
    'CREATE INDEX finding_events_by_finding ON finding_events (tenantId, fingerprint, seq)',
    'CREATE INDEX finding_events_by_time ON finding_events (tenantId, at)',
    ...isolated('finding_events'),
  ],
  BUNDLE_KEY_TABLE,
  postgresRetentionTables(isolated),
  [
    ...TENANT_TABLES,
    ...isolated('tenants', 'id'),
    ...['tenant_days', 'tenant_storage', 'tenant_refusals'].flatMap((table) => isolated(table)),
  ],
  postgresAlertTables(isolated),
  searchTables(isolated),
  [LINKS_BY_EXPIRY],
  LIST_ALL_KINDS,
  [
    // Findings and what becomes of them are stored in one transaction, and go in one. The check looked for the finding of each event by a plan
    // that the server keeps, of when the table was empty: it read all findings of the tenant until there were statistics.
    'ALTER TABLE finding_events DROP CONSTRAINT IF EXISTS finding_events_tenantid_fingerprint_fkey',
    // Row-level security lets an index see columns and their comparison, but no function of a column.
    `ALTER TABLE findings ADD COLUMN IF NOT EXISTS place ${WORD} GENERATED ALWAYS AS (md5(rule) || md5(target)) STORED`,
    'DROP INDEX IF EXISTS findings_open',
    `CREATE INDEX findings_open ON findings (tenantId, place) WHERE state <> 'resolved'`,
  ],
  [COUNT_QUARANTINED],
  [NAME_ACTORS],
]
