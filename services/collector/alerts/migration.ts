/** Rules, channels and maintenance windows of tenants, what came of them, and what is still to be told to whom. */
export const ALERT_TABLES = `
  CREATE TABLE alert_rules (
    tenantId TEXT NOT NULL,
    name TEXT NOT NULL,
    rule TEXT NOT NULL,
    createdAt INTEGER NOT NULL,
    updatedAt INTEGER NOT NULL,
    PRIMARY KEY (tenantId, name)
  ) WITHOUT ROWID;

  -- Where a channel leads and what it proves itself with is sealed; a channel that fails is left alone until blockedUntil.
  CREATE TABLE alert_channels (
    tenantId TEXT NOT NULL,
    name TEXT NOT NULL,
    channel TEXT NOT NULL,
    target TEXT NOT NULL,
    sealed BLOB NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    blockedUntil INTEGER NOT NULL DEFAULT 0,
    createdAt INTEGER NOT NULL,
    updatedAt INTEGER NOT NULL,
    PRIMARY KEY (tenantId, name)
  ) WITHOUT ROWID;

  CREATE TABLE alert_silences (
    tenantId TEXT NOT NULL,
    id TEXT NOT NULL,
    startsAt INTEGER NOT NULL,
    endsAt INTEGER NOT NULL,
    rule TEXT,
    level TEXT,
    reason TEXT NOT NULL,
    createdBy TEXT NOT NULL,
    createdAt INTEGER NOT NULL,
    updatedAt INTEGER NOT NULL,
    PRIMARY KEY (tenantId, id)
  ) WITHOUT ROWID;
  CREATE INDEX alert_silences_by_end ON alert_silences (tenantId, endsAt);

  CREATE TABLE alerts (
    tenantId TEXT NOT NULL,
    id TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    rule TEXT NOT NULL,
    kind TEXT NOT NULL,
    level TEXT NOT NULL,
    state TEXT NOT NULL,
    labels TEXT NOT NULL,
    facts TEXT NOT NULL,
    runbook TEXT,
    channels TEXT,
    startedAt INTEGER NOT NULL,
    firedAt INTEGER,
    overAt INTEGER,
    resolvedAt INTEGER,
    acknowledgedAt INTEGER,
    acknowledgedBy TEXT,
    updatedAt INTEGER NOT NULL,
    told TEXT NOT NULL,
    PRIMARY KEY (tenantId, id)
  );
  -- One occurrence of a rule and its labels at a time.
  CREATE UNIQUE INDEX alerts_active ON alerts (tenantId, fingerprint) WHERE state <> 'resolved';
  CREATE INDEX alerts_by_time ON alerts (tenantId, startedAt, id);
  CREATE INDEX alerts_by_end ON alerts (resolvedAt) WHERE state = 'resolved';

  -- seq is the order in which they go out, within a group of a channel.
  CREATE TABLE alert_notifications (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenantId TEXT NOT NULL,
    channel TEXT NOT NULL,
    groupKey TEXT NOT NULL,
    event TEXT NOT NULL,
    alerts TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    nextAt INTEGER NOT NULL,
    createdAt INTEGER NOT NULL,
    giveUpAt INTEGER NOT NULL,
    sentAt INTEGER,
    lastError TEXT
  );
  CREATE INDEX alert_notifications_by_tenant ON alert_notifications (tenantId, seq);
  CREATE INDEX alert_notifications_due ON alert_notifications (nextAt) WHERE state IN ('pending', 'failed');
  CREATE INDEX alert_notifications_waiting ON alert_notifications (tenantId, channel, groupKey, seq)
    WHERE state IN ('pending', 'failed');
  CREATE INDEX alert_notifications_done ON alert_notifications (createdAt) WHERE state IN ('sent', 'dead');

  -- Which notifications speak of an alert.
  CREATE TABLE alert_mentions (
    tenantId TEXT NOT NULL,
    alertId TEXT NOT NULL,
    notificationId TEXT NOT NULL REFERENCES alert_notifications (id) ON DELETE CASCADE,
    PRIMARY KEY (tenantId, alertId, notificationId)
  ) WITHOUT ROWID;
  CREATE INDEX alert_mentions_by_notification ON alert_mentions (notificationId);

  -- What a process counted between two looks at the rules.
  CREATE TABLE alert_samples (
    at INTEGER NOT NULL,
    instance TEXT NOT NULL,
    sample TEXT NOT NULL,
    PRIMARY KEY (at, instance)
  ) WITHOUT ROWID;`
