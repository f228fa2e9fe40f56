/**
 * Tenants that have settings of their own, and what each tenant uses. `bytes` are those of reports and their markdown, as they
 * are stored.
 */
export const TENANT_TABLES = `
  CREATE TABLE tenants (
    id TEXT NOT NULL PRIMARY KEY,
    title TEXT NOT NULL,
    state TEXT NOT NULL,
    reportsPerMinute INTEGER,
    reportsPerDay INTEGER,
    bytesPerDay INTEGER,
    storageBytes INTEGER,
    createdAt INTEGER NOT NULL,
    updatedAt INTEGER NOT NULL
  ) WITHOUT ROWID;

  -- What came on a UTC day, named by its first millisecond; deleting takes nothing away from it.
  CREATE TABLE tenant_days (
    tenantId TEXT NOT NULL,
    day INTEGER NOT NULL,
    reports INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (tenantId, day)
  ) WITHOUT ROWID;
  CREATE INDEX tenant_days_by_age ON tenant_days (day);

  -- What is there now.
  CREATE TABLE tenant_storage (
    tenantId TEXT NOT NULL PRIMARY KEY,
    reports INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  ) WITHOUT ROWID;
  INSERT INTO tenant_storage
    SELECT tenantId, count(*), sum(octet_length(report) + coalesce(octet_length(markdown), 0))
    FROM reports GROUP BY tenantId;

  CREATE TABLE tenant_refusals (
    tenantId TEXT NOT NULL,
    day INTEGER NOT NULL,
    reason TEXT NOT NULL,
    refused INTEGER NOT NULL,
    PRIMARY KEY (tenantId, day, reason)
  ) WITHOUT ROWID;
  CREATE INDEX tenant_refusals_by_age ON tenant_refusals (day);`

/** How many of a day's reports did not fit their schema when they came; of those before nobody knows. */
export const COUNT_QUARANTINED = 'ALTER TABLE tenant_days ADD COLUMN quarantined BIGINT NOT NULL DEFAULT 0'
