/** Text that is compared by its characters, as SQLite does. */
const WORD = 'TEXT COLLATE "C"'

/** Of no tenant: seen only by what is about all of them. */
const forAll = (table: string): string[] => [
  `ALTER TABLE ${table} ENABLE ROW LEVEL SECURITY`,
  `ALTER TABLE ${table} FORCE ROW LEVEL SECURITY`,
  `CREATE POLICY for_all ON ${table} USING ((SELECT current_setting('najimban.every_tenant', true)) = 'on')`,
]

/** The tables of migration.ts. @param isolated lets a tenant's statements see its own rows only */
export const postgresAlertTables = (isolated: (table: string) => readonly string[]): readonly string[] => [
  `CREATE TABLE alert_rules (
    tenantId ${WORD} NOT NULL,
    name ${WORD} NOT NULL,
    rule TEXT NOT NULL,
    createdAt BIGINT NOT NULL,
    updatedAt BIGINT NOT NULL,
    PRIMARY KEY (tenantId, name)
  )`,
  `CREATE TABLE alert_channels (
    tenantId ${WORD} NOT NULL,
    name ${WORD} NOT NULL,
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    sealed BYTEA NOT NULL,
    failures INTEGER NOT NULL,
    blockedUntil BIGINT NOT NULL,
    createdAt BIGINT NOT NULL,
    updatedAt BIGINT NOT NULL,
    PRIMARY KEY (tenantId, name)
  )`,
  `CREATE TABLE alert_silences (
    tenantId ${WORD} NOT NULL,
    id ${WORD} NOT NULL,
    startsAt BIGINT NOT NULL,
    endsAt BIGINT NOT NULL,
    rule TEXT,
    level TEXT,
    reason TEXT NOT NULL,
    createdBy TEXT NOT NULL,
    createdAt BIGINT NOT NULL,
    updatedAt BIGINT NOT NULL,
    PRIMARY KEY (tenantId, id)
  )`,
  'CREATE INDEX alert_silences_by_end ON alert_silences (tenantId, endsAt)',
  `CREATE TABLE alerts (
    tenantId ${WORD} NOT NULL,
    id ${WORD} NOT NULL,
    fingerprint TEXT NOT NULL,
    rule TEXT NOT NULL,
    kind TEXT NOT NULL,
    level TEXT NOT NULL,
    state TEXT NOT NULL,
    labels TEXT NOT NULL,
    facts TEXT NOT NULL,
    runbook TEXT,
    channels TEXT,
    startedAt BIGINT NOT NULL,
    firedAt BIGINT,
    overAt BIGINT,
    resolvedAt BIGINT,
    acknowledgedAt BIGINT,
    acknowledgedBy TEXT,
    updatedAt BIGINT NOT NULL,
    told TEXT NOT NULL,
    PRIMARY KEY (tenantId, id)
  )`,
  "CREATE UNIQUE INDEX alerts_active ON alerts (tenantId, fingerprint) WHERE state <> 'resolved'",
  'CREATE INDEX alerts_by_time ON alerts (tenantId, startedAt, id)',
  "CREATE INDEX alerts_by_end ON alerts (resolvedAt) WHERE state = 'resolved'",
  `CREATE TABLE alert_notifications (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id ${WORD} NOT NULL UNIQUE,
    tenantId ${WORD} NOT NULL,
    channel ${WORD} NOT NULL,
    groupKey TEXT NOT NULL,
    event TEXT NOT NULL,
    alerts TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    nextAt BIGINT NOT NULL,
    createdAt BIGINT NOT NULL,
    giveUpAt BIGINT NOT NULL,
    sentAt BIGINT,
    lastError TEXT
  )`,
  'CREATE INDEX alert_notifications_by_tenant ON alert_notifications (tenantId, seq)',
  "CREATE INDEX alert_notifications_due ON alert_notifications (nextAt) WHERE state IN ('pending', 'failed')",
  `CREATE INDEX alert_notifications_waiting ON alert_notifications (tenantId, channel, groupKey, seq)
    WHERE state IN ('pending', 'failed')`,
  "CREATE INDEX alert_notifications_done ON alert_notifications (createdAt) WHERE state IN ('sent', 'dead')",
  `CREATE TABLE alert_mentions (
    tenantId ${WORD} NOT NULL,
    alertId ${WORD} NOT NULL,
    notificationId ${WORD} NOT NULL REFERENCES alert_notifications (id) ON DELETE CASCADE,
    PRIMARY KEY (tenantId, alertId, notificationId)
  )`,
  'CREATE INDEX alert_mentions_by_notification ON alert_mentions (notificationId)',
  `CREATE TABLE alert_samples (
    at BIGINT NOT NULL,
    instance ${WORD} NOT NULL,
    sample TEXT NOT NULL,
    PRIMARY KEY (at, instance)
  )`,
  // Of several replicas one looks at the rules: whoever has the row, until then.
  'CREATE TABLE alert_lease (name TEXT PRIMARY KEY, holder TEXT NOT NULL, heldUntil BIGINT NOT NULL)',
  ...['alert_rules', 'alert_channels', 'alert_silences', 'alerts', 'alert_notifications', 'alert_mentions'].flatMap(
    (table) => isolated(table),
  ),
  ...['alert_samples', 'alert_lease'].flatMap(forAll),
]
