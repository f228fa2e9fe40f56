/** The tables of migration.ts on PostgreSQL. @param isolated hides the rows of other tenants */
export const postgresRetentionTables = (isolated: (table: string) => readonly string[]): readonly string[] => [
  `CREATE TABLE retention (
    tenantId TEXT COLLATE "C" PRIMARY KEY,
    retainDays INTEGER,
    archive SMALLINT,
    updatedAt BIGINT NOT NULL,
    updatedBy TEXT NOT NULL
  )`,
  ...isolated('retention'),
  `CREATE TABLE report_holds (
    tenantId TEXT COLLATE "C" NOT NULL,
    reportId TEXT COLLATE "C" NOT NULL,
    reason TEXT NOT NULL,
    heldBy TEXT NOT NULL,
    heldAt BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (tenantId, reportId)
  )`,
  ...isolated('report_holds'),
  `CREATE TABLE retention_runs (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    tenantId TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL,
    requestedBy TEXT NOT NULL,
    forcedClock SMALLINT NOT NULL,
    retainDays INTEGER NOT NULL,
    cutoffTime BIGINT NOT NULL,
    startedAt BIGINT NOT NULL,
    finishedAt BIGINT,
    owner TEXT NOT NULL,
    leaseUntil BIGINT NOT NULL,
    archived BIGINT NOT NULL,
    deleted BIGINT NOT NULL,
    kept BIGINT NOT NULL,
    reportBytes BIGINT NOT NULL,
    archiveBytes BIGINT NOT NULL,
    freedBytes BIGINT NOT NULL,
    files TEXT NOT NULL,
    error TEXT
  )`,
  'CREATE INDEX retention_runs_by_tenant ON retention_runs (tenantId, seq)',
  `CREATE INDEX retention_runs_under_way ON retention_runs (tenantId) WHERE state = 'running'`,
  ...isolated('retention_runs'),
  `CREATE TABLE retention_clock (
    tenantId TEXT COLLATE "C" NOT NULL,
    boot TEXT NOT NULL,
    now BIGINT NOT NULL,
    uptime BIGINT NOT NULL,
    alive BIGINT NOT NULL,
    accepted BIGINT NOT NULL,
    PRIMARY KEY (tenantId, boot)
  )`,
  ...isolated('retention_clock'),
]
