import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Alert } from './alert.ts'
import type { StorageUse } from './measure/measure.ts'
import type { Sample } from './measure/sample.ts'
import type { Notification } from './notification.ts'
import { plannedOf, type Snapshot } from './plan.ts'
import {
  ALERT_COLUMNS,
  alertIn,
  channelIn,
  CHANNEL_COLUMNS,
  NOTIFICATION_COLUMNS,
  notificationIn,
  RULE_COLUMNS,
  SILENCE_COLUMNS,
  ruleIn,
  type AlertRow,
  type ChannelRow,
  type NotificationRow,
  type RuleRow,
  type StoredChannel,
  type StoredRule,
} from './rows.ts'
import type { AlertFilter, NotificationFilter } from './schema.ts'
import type { Silence } from './silences/silence.ts'

/** More findings than this are as many as this: what is counted at every look has a bound. */
export const FINDINGS_COUNTED_MAX = 100_000

/** Conditions by the member of the filter that they are for. */
const ALERT_CONDITIONS = {
  state: "(state = :state OR (:state = 'active' AND state = 'firing'))",
  level: 'level = :level',
  rule: 'rule = :rule',
} as const satisfies Record<keyof AlertFilter, string>
const NOTIFICATION_CONDITIONS = {
  state: 'state = :state',
  channel: 'channel = :channel',
} as const satisfies Record<keyof NotificationFilter, string>

export const whereOf = (conditions: Record<string, string>, filter: object): string =>
  ['tenantId = :tenantId', ...Object.keys(filter).map((name) => conditions[name] as string)].join(' AND ')

/** Which notifications may go out now: those of a group one after the other, and none by a channel that is left alone. */
export const DUE = `alert_notifications AS n JOIN alert_channels AS c ON c.tenantId = n.tenantId AND c.name = n.channel
  WHERE n.state IN ('pending', 'failed') AND n.nextAt <= :now AND c.blockedUntil <= :now
    AND NOT EXISTS (
      SELECT 1 FROM alert_notifications AS e
      WHERE e.tenantId = n.tenantId AND e.channel = n.channel AND e.groupKey = n.groupKey AND e.seq < n.seq
        AND e.state IN ('pending', 'failed'))`

export type AlertStore = ReturnType<typeof createAlertStore>

/** What is read about alerts. */
export function createAlertStore(db: Database) {
  const [alertColumns, notificationColumns] = [ALERT_COLUMNS.join(', '), NOTIFICATION_COLUMNS.join(', ')]
  const [ruleColumns, channelColumns] = [RULE_COLUMNS.join(', '), CHANNEL_COLUMNS.join(', ')]
  const silenceColumns = SILENCE_COLUMNS.join(', ')
  const rules = db.prepare<[string], RuleRow>(`SELECT ${ruleColumns} FROM alert_rules WHERE tenantId = ? ORDER BY name`)
  const rule = db.prepare<[string, string], RuleRow>(
    `SELECT ${ruleColumns} FROM alert_rules WHERE tenantId = ? AND name = ?`,
  )
  const allRules = db.prepare<[], RuleRow & { tenantId: Tenant }>(`SELECT tenantId, ${ruleColumns} FROM alert_rules`)
  const channels = db.prepare<[string], ChannelRow>(
    `SELECT ${channelColumns} FROM alert_channels WHERE tenantId = ? ORDER BY name`,
  )
  const channel = db.prepare<[string, string], ChannelRow>(
    `SELECT ${channelColumns} FROM alert_channels WHERE tenantId = ? AND name = ?`,
  )
  const allChannels = db.prepare<[], ChannelRow & { tenantId: Tenant }>(
    `SELECT tenantId, ${channelColumns} FROM alert_channels`,
  )
  const silences = db.prepare<[string, number], Silence>(
    `SELECT ${silenceColumns} FROM alert_silences WHERE tenantId = ? AND endsAt > ? ORDER BY endsAt, id`,
  )
  const silence = db.prepare<[string, string], Silence>(
    `SELECT ${silenceColumns} FROM alert_silences WHERE tenantId = ? AND id = ?`,
  )
  const active = db.prepare<[string], AlertRow>(
    `SELECT ${alertColumns} FROM alerts WHERE tenantId = ? AND state <> 'resolved' ORDER BY id`,
  )
  const activeTenants = db.prepare<[], Tenant>("SELECT DISTINCT tenantId FROM alerts WHERE state <> 'resolved'").pluck()
  const get = db.prepare<[string, string], AlertRow>(`SELECT ${alertColumns} FROM alerts WHERE tenantId = ? AND id = ?`)
  const open = db.prepare<[string], NotificationRow>(
    `SELECT ${notificationColumns} FROM alert_notifications
     WHERE tenantId = ? AND state IN ('pending', 'failed') AND attempts = 0 AND event = 'alert' ORDER BY seq`,
  )
  const notification = db.prepare<[string, string], NotificationRow>(
    `SELECT ${notificationColumns} FROM alert_notifications WHERE tenantId = ? AND id = ?`,
  )
  const ofAlert = db.prepare<[string, string], NotificationRow>(
    `SELECT ${notificationColumns} FROM alert_notifications
     WHERE id IN (SELECT notificationId FROM alert_mentions WHERE tenantId = ? AND alertId = ?)
     ORDER BY seq DESC LIMIT 100`,
  )
  const due = db.prepare<[object], 1>(`SELECT 1 FROM ${DUE} LIMIT 1`).pluck()
  const blocks = db
    .prepare<[object], number>(
      `SELECT count(*) FROM (
         SELECT DISTINCT e.fingerprint FROM finding_events AS e
         JOIN findings AS f ON f.tenantId = e.tenantId AND f.fingerprint = e.fingerprint
         WHERE e.tenantId = :tenantId AND e.at >= :from AND e.at < :until AND e.verdict = 'block'
           AND coalesce(f.mutedUntil, 0) <= :now
           AND (:rule IS NULL OR f.rule = :rule) AND (:target IS NULL OR f.target = :target)
         LIMIT ${FINDINGS_COUNTED_MAX})`,
    )
    .pluck()
  const lastReport = db
    .prepare<[string], number>('SELECT createdAt FROM reports WHERE tenantId = ? ORDER BY createdAt DESC LIMIT 1')
    .pluck()
  const storage = db.prepare<[number], StorageUse>(
    `SELECT * FROM (
       SELECT tenantId, bytes, coalesce(storageBytes, ?) AS quota
       FROM tenant_storage LEFT JOIN tenants ON id = tenantId)
     WHERE quota > 0`,
  )
  const samples = db.prepare<[number], { at: number; instance: string; sample: string }>(
    'SELECT at, instance, sample FROM alert_samples WHERE at > ? ORDER BY at',
  )
  const prepared = new Map<string, unknown>()
  function prepare<R>(sql: string) {
    const found =
      (prepared.get(sql) as ReturnType<typeof db.prepare<[object], R>> | undefined) ?? db.prepare<[object], R>(sql)
    prepared.set(sql, found)
    return found
  }

  return {
    /** A page of a tenant's alerts, those that began last first. @param after startedAt and id of the last one before */
    list(tenantId: Tenant, filter: AlertFilter, limit: number, after?: readonly [number, string]) {
      const where = whereOf(ALERT_CONDITIONS, filter)
      const [startedAt, id] = after ?? [Number.MAX_SAFE_INTEGER, '']
      const rows = prepare<AlertRow>(
        `SELECT ${alertColumns} FROM alerts WHERE ${where} AND (startedAt, id) < (:startedAt, :id)
         ORDER BY startedAt DESC, id DESC LIMIT :limit`,
      ).all({ ...filter, tenantId, startedAt, id, limit: limit + 1 })
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        alerts: rows.slice(0, limit).map(alertIn),
        ...(last === undefined ? {} : { next: [last.startedAt, last.id] as const }),
      }
    },
    get(tenantId: Tenant, id: string): Alert | undefined {
      const row = get.get(tenantId, id)
      return row === undefined ? undefined : alertIn(row)
    },
    /** Those that speak of an alert, newest first, at most 100. */
    notificationsOf: (tenantId: Tenant, alertId: string): Notification[] =>
      ofAlert.all(tenantId, alertId).map(notificationIn),
    /** A page of a tenant's notifications, newest first. @param before seq of the last one before */
    notifications(tenantId: Tenant, filter: NotificationFilter, limit: number, before = Number.MAX_SAFE_INTEGER) {
      const where = whereOf(NOTIFICATION_CONDITIONS, filter)
      const rows = prepare<NotificationRow>(
        `SELECT seq, ${notificationColumns} FROM alert_notifications WHERE ${where} AND seq < :before
         ORDER BY seq DESC LIMIT :limit`,
      ).all({ ...filter, tenantId, before, limit: limit + 1 })
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        notifications: rows.slice(0, limit).map(notificationIn),
        ...(last === undefined ? {} : { next: [last.seq] as const }),
      }
    },
    notification(tenantId: Tenant, id: string): Notification | undefined {
      const row = notification.get(tenantId, id)
      return row === undefined ? undefined : notificationIn(row)
    },
    rules: (tenantId: Tenant): StoredRule[] => rules.all(tenantId).map(ruleIn),
    rule(tenantId: Tenant, name: string): StoredRule | undefined {
      const row = rule.get(tenantId, name)
      return row === undefined ? undefined : ruleIn(row)
    },
    /** Of all tenants. */
    allRules: (): (StoredRule & { tenantId: Tenant })[] =>
      allRules.all().map(({ tenantId, ...row }) => ({ tenantId, ...ruleIn(row) })),
    channels: (tenantId: Tenant): StoredChannel[] => channels.all(tenantId).map(channelIn),
    channel(tenantId: Tenant, name: string): StoredChannel | undefined {
      const row = channel.get(tenantId, name)
      return row === undefined ? undefined : channelIn(row)
    },
    /** Of all tenants. */
    allChannels: (): (StoredChannel & { tenantId: Tenant })[] =>
      allChannels.all().map(({ tenantId, ...row }) => ({ tenantId, ...channelIn(row) })),
    /** Those that are not over, the one that ends first first. */
    silences: (tenantId: Tenant, now: number): Silence[] => silences.all(tenantId, now),
    silence: (tenantId: Tenant, id: string): Silence | undefined => silence.get(tenantId, id),
    /** Tenants with alerts that are not over. */
    activeTenants: (): Tenant[] => activeTenants.all(),
    snapshot: (tenantId: Tenant, now: number): Snapshot => ({
      alerts: active.all(tenantId).map(alertIn),
      channels: channels.all(tenantId).map(channelIn).map(plannedOf),
      silences: silences.all(tenantId, now),
      open: open.all(tenantId).map(notificationIn),
    }),
    /** Whether some notification is to be sent by now. */
    isDue: (now: number): boolean => due.get({ now }) !== undefined,
    /** Different findings, not muted, that began to block in [from, until); at most FINDINGS_COUNTED_MAX. */
    blockFindings: (
      tenantId: Tenant,
      [from, until]: readonly [number, number],
      now: number,
      { rule = null, target = null }: { rule?: string | null; target?: string | null },
    ): number => blocks.get({ tenantId, from, until, now, rule, target }) as number,
    /** When the newest report came, in milliseconds since 1970. */
    lastReportAt: (tenantId: Tenant): number | undefined => lastReport.get(tenantId),
    /** Of tenants whose storage has a quota. @param standard of those who have none of their own, in bytes; 0 is no quota */
    storageUse: (standard: number): StorageUse[] => storage.all(standard),
    samples: (since: number): { at: number; instance: string; sample: Sample }[] =>
      samples.all(since).map((row) => ({ ...row, sample: JSON.parse(row.sample) as Sample })),
  }
}
