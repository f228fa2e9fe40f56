/** What retention knows beside the reports; times are milliseconds since 1970. */
export const RETENTION_TABLES = `
  -- What a tenant has said of its retention; NULL is the default of the settings.
  CREATE TABLE retention (
    tenantId TEXT PRIMARY KEY,
    retainDays INTEGER,
    archive INTEGER,
    updatedAt INTEGER NOT NULL,
    updatedBy TEXT NOT NULL
  ) WITHOUT ROWID;

  -- A report with a row here is not deleted by anybody. until: the next run after that lifts it.
  CREATE TABLE report_holds (
    tenantId TEXT NOT NULL,
    reportId TEXT NOT NULL,
    reason TEXT NOT NULL,
    heldBy TEXT NOT NULL,
    heldAt INTEGER NOT NULL,
    until INTEGER,
    PRIMARY KEY (tenantId, reportId)
  ) WITHOUT ROWID;

  CREATE TABLE retention_runs (
    seq INTEGER PRIMARY KEY,
    tenantId TEXT NOT NULL,
    state TEXT NOT NULL,
    requestedBy TEXT NOT NULL,
    forcedClock INTEGER NOT NULL,
    retainDays INTEGER NOT NULL,
    cutoffTime INTEGER NOT NULL,
    startedAt INTEGER NOT NULL,
    finishedAt INTEGER,
    owner TEXT NOT NULL,
    leaseUntil INTEGER NOT NULL,
    archived INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    kept INTEGER NOT NULL,
    reportBytes INTEGER NOT NULL,
    archiveBytes INTEGER NOT NULL,
    freedBytes INTEGER NOT NULL,
    files TEXT NOT NULL,
    error TEXT
  );
  CREATE INDEX retention_runs_by_tenant ON retention_runs (tenantId, seq);
  CREATE INDEX retention_runs_under_way ON retention_runs (tenantId) WHERE state = 'running';

  -- Readings of the clock that were believed, for each start of a machine.
  CREATE TABLE retention_clock (
    tenantId TEXT NOT NULL,
    boot TEXT NOT NULL,
    now INTEGER NOT NULL,
    uptime INTEGER NOT NULL,
    alive INTEGER NOT NULL,
    accepted INTEGER NOT NULL,
    PRIMARY KEY (tenantId, boot)
  ) WITHOUT ROWID;
`
