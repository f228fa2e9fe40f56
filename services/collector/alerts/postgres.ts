import type { Tenant } from '#shared/scope.ts'
import type { Access } from '../postgres/pool.ts'
import { and, columns, raw, sql, type Statement } from '../postgres/sql.ts'
import type { Alert } from './alert.ts'
import type { StorageUse } from './measure/measure.ts'
import type { Sample } from './measure/sample.ts'
import type { Notification } from './notification.ts'
import { plannedOf, type Snapshot } from './plan.ts'
import {
  ALERT_COLUMNS,
  alertIn,
  CHANNEL_COLUMNS,
  channelIn,
  NOTIFICATION_COLUMNS,
  notificationIn,
  RULE_COLUMNS,
  ruleIn,
  SILENCE_COLUMNS,
  type AlertRow,
  type ChannelRow,
  type NotificationRow,
  type RuleRow,
  type StoredChannel,
  type StoredRule,
} from './rows.ts'
import type { AlertFilter, NotificationFilter } from './schema.ts'
import type { Silence } from './silences/silence.ts'
import { FINDINGS_COUNTED_MAX } from './store.ts'

const RULE = columns(...RULE_COLUMNS)
const CHANNEL = columns(...CHANNEL_COLUMNS)
const SILENCE = columns(...SILENCE_COLUMNS)
const ALERT = columns(...ALERT_COLUMNS)
export const NOTIFICATION = columns('seq', ...NOTIFICATION_COLUMNS)

/** As DUE of store.ts. */
export const dueBy = (now: number): Statement =>
  sql`alert_notifications AS n JOIN alert_channels AS c ON c.tenantId = n.tenantId AND c.name = n.channel
    WHERE n.state IN ('pending', 'failed') AND n.nextAt <= ${now} AND c.blockedUntil <= ${now}
      AND NOT EXISTS (
        SELECT 1 FROM alert_notifications AS e
        WHERE e.tenantId = n.tenantId AND e.channel = n.channel AND e.groupKey = n.groupKey AND e.seq < n.seq
          AND e.state IN ('pending', 'failed'))`

const alertWhere = (tenantId: Tenant, { state, level, rule }: AlertFilter): Statement =>
  and(
    sql`tenantId = ${tenantId}`,
    state === undefined ? undefined : sql`state = ${state === 'active' ? 'firing' : state}`,
    level === undefined ? undefined : sql`level = ${level}`,
    rule === undefined ? undefined : sql`rule = ${rule}`,
  )

/** The store of alerts on PostgreSQL; see store.ts. */
export function createPostgresAlerts({ of, everyTenant }: Access) {
  const ofTenant = async <R, T>(tenantId: Tenant, statement: Statement, read: (row: R) => T): Promise<T[]> =>
    (await of(tenantId).all<R>(statement)).map(read)
  const one = async <R, T>(tenantId: Tenant, statement: Statement, read: (row: R) => T): Promise<T | undefined> => {
    const row = await of(tenantId).first<R>(statement)
    return row === undefined ? undefined : read(row)
  }
  const channels = (tenantId: Tenant): Promise<StoredChannel[]> =>
    ofTenant<ChannelRow, StoredChannel>(
      tenantId,
      sql`SELECT ${CHANNEL} FROM alert_channels WHERE tenantId = ${tenantId} ORDER BY name`,
      channelIn,
    )
  const silences = (tenantId: Tenant, now: number): Promise<Silence[]> =>
    of(tenantId).all<Silence>(
      sql`SELECT ${SILENCE} FROM alert_silences WHERE tenantId = ${tenantId} AND endsAt > ${now} ORDER BY endsAt, id`,
    )

  return {
    async list(
      tenantId: Tenant,
      filter: AlertFilter,
      limit: number,
      [startedAt, id]: readonly [number, string] = [Number.MAX_SAFE_INTEGER, ''],
    ) {
      const rows = await of(tenantId).all<AlertRow>(
        sql`SELECT ${ALERT} FROM alerts WHERE ${alertWhere(tenantId, filter)} AND (startedAt, id) < (${startedAt}, ${id})
          ORDER BY startedAt DESC, id DESC LIMIT ${limit + 1}`,
      )
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        alerts: rows.slice(0, limit).map(alertIn),
        ...(last === undefined ? {} : { next: [last.startedAt, last.id] as const }),
      }
    },
    get: (tenantId: Tenant, id: string): Promise<Alert | undefined> =>
      one<AlertRow, Alert>(
        tenantId,
        sql`SELECT ${ALERT} FROM alerts WHERE tenantId = ${tenantId} AND id = ${id}`,
        alertIn,
      ),
    notificationsOf: (tenantId: Tenant, alertId: string): Promise<Notification[]> =>
      ofTenant<NotificationRow, Notification>(
        tenantId,
        sql`SELECT ${NOTIFICATION} FROM alert_notifications WHERE id IN
          (SELECT notificationId FROM alert_mentions WHERE tenantId = ${tenantId} AND alertId = ${alertId})
          ORDER BY seq DESC LIMIT 100`,
        notificationIn,
      ),
    async notifications(
      tenantId: Tenant,
      { state, channel }: NotificationFilter,
      limit: number,
      before = Number.MAX_SAFE_INTEGER,
    ) {
      const where = and(
        sql`tenantId = ${tenantId}`,
        state === undefined ? undefined : sql`state = ${state}`,
        channel === undefined ? undefined : sql`channel = ${channel}`,
      )
      const rows = await of(tenantId).all<NotificationRow>(
        sql`SELECT ${NOTIFICATION} FROM alert_notifications WHERE ${where} AND seq < ${before}
          ORDER BY seq DESC LIMIT ${limit + 1}`,
      )
      const last = rows.length > limit ? rows[limit - 1] : undefined
      return {
        notifications: rows.slice(0, limit).map(notificationIn),
        ...(last === undefined ? {} : { next: [last.seq] as const }),
      }
    },
    notification: (tenantId: Tenant, id: string): Promise<Notification | undefined> =>
      one<NotificationRow, Notification>(
        tenantId,
        sql`SELECT ${NOTIFICATION} FROM alert_notifications WHERE tenantId = ${tenantId} AND id = ${id}`,
        notificationIn,
      ),
    rules: (tenantId: Tenant): Promise<StoredRule[]> =>
      ofTenant<RuleRow, StoredRule>(
        tenantId,
        sql`SELECT ${RULE} FROM alert_rules WHERE tenantId = ${tenantId} ORDER BY name`,
        ruleIn,
      ),
    rule: (tenantId: Tenant, name: string): Promise<StoredRule | undefined> =>
      one<RuleRow, StoredRule>(
        tenantId,
        sql`SELECT ${RULE} FROM alert_rules WHERE tenantId = ${tenantId} AND name = ${name}`,
        ruleIn,
      ),
    async allRules(): Promise<(StoredRule & { tenantId: Tenant })[]> {
      const rows = await everyTenant.all<RuleRow & { tenantId: Tenant }>(
        sql`SELECT ${columns('tenantId', ...RULE_COLUMNS)} FROM alert_rules`,
      )
      return rows.map(({ tenantId, ...row }) => ({ tenantId, ...ruleIn(row) }))
    },
    channels,
    channel: (tenantId: Tenant, name: string): Promise<StoredChannel | undefined> =>
      one<ChannelRow, StoredChannel>(
        tenantId,
        sql`SELECT ${CHANNEL} FROM alert_channels WHERE tenantId = ${tenantId} AND name = ${name}`,
        channelIn,
      ),
    async allChannels(): Promise<(StoredChannel & { tenantId: Tenant })[]> {
      const rows = await everyTenant.all<ChannelRow & { tenantId: Tenant }>(
        sql`SELECT ${columns('tenantId', ...CHANNEL_COLUMNS)} FROM alert_channels`,
      )
      return rows.map(({ tenantId, ...row }) => ({ tenantId, ...channelIn(row) }))
    },
    silences,
    silence: (tenantId: Tenant, id: string): Promise<Silence | undefined> =>
      of(tenantId).first<Silence>(
        sql`SELECT ${SILENCE} FROM alert_silences WHERE tenantId = ${tenantId} AND id = ${id}`,
      ),
    activeTenants: async (): Promise<Tenant[]> => {
      const rows = await everyTenant.all<{ tenantId: Tenant }>(
        sql`SELECT DISTINCT ${columns('tenantId')} FROM alerts WHERE state <> 'resolved'`,
      )
      return rows.map(({ tenantId }) => tenantId)
    },
    async snapshot(tenantId: Tenant, now: number): Promise<Snapshot> {
      const active = sql`SELECT ${ALERT} FROM alerts WHERE tenantId = ${tenantId} AND state <> 'resolved' ORDER BY id`
      // Whoever is about to send one has it locked; here they are changed.
      const open = sql`SELECT ${NOTIFICATION} FROM alert_notifications
        WHERE tenantId = ${tenantId} AND state IN ('pending', 'failed') AND attempts = 0 AND event = 'alert'
        ORDER BY seq FOR UPDATE`
      return {
        alerts: await ofTenant<AlertRow, Alert>(tenantId, active, alertIn),
        channels: (await channels(tenantId)).map(plannedOf),
        silences: await silences(tenantId, now),
        open: await ofTenant<NotificationRow, Notification>(tenantId, open, notificationIn),
      }
    },
    isDue: async (now: number): Promise<boolean> =>
      (await everyTenant.first(sql`SELECT 1 FROM ${dueBy(now)} LIMIT 1`)) !== undefined,
    async blockFindings(
      tenantId: Tenant,
      [from, until]: readonly [number, number],
      now: number,
      { rule = null, target = null }: { rule?: string | null; target?: string | null },
    ): Promise<number> {
      const found = await of(tenantId).first<{ n: number }>(
        sql`SELECT count(*) AS n FROM (
          SELECT DISTINCT e.fingerprint FROM finding_events AS e
          JOIN findings AS f ON f.tenantId = e.tenantId AND f.fingerprint = e.fingerprint
          WHERE e.tenantId = ${tenantId} AND e.at >= ${from} AND e.at < ${until} AND e.verdict = 'block'
            AND coalesce(f.mutedUntil, 0) <= ${now}
            AND (${rule}::text IS NULL OR f.rule = ${rule}) AND (${target}::text IS NULL OR f.target = ${target})
          LIMIT ${raw(String(FINDINGS_COUNTED_MAX))}) AS found`,
      )
      return found?.n ?? 0
    },
    lastReportAt: async (tenantId: Tenant): Promise<number | undefined> =>
      (
        await of(tenantId).first<{ createdAt: number }>(
          sql`SELECT ${columns('createdAt')} FROM reports WHERE tenantId = ${tenantId} ORDER BY createdAt DESC LIMIT 1`,
        )
      )?.createdAt,
    storageUse: (standard: number): Promise<StorageUse[]> =>
      everyTenant.all<StorageUse>(
        sql`SELECT tenantId AS "tenantId", bytes, quota FROM (
            SELECT s.tenantId, sum(s.bytes) AS bytes, coalesce(max(t.storageBytes), ${standard}::bigint) AS quota
            FROM tenant_storage AS s LEFT JOIN tenants AS t ON t.id = s.tenantId GROUP BY s.tenantId) AS used
          WHERE quota > 0`,
      ),
    async samples(since: number): Promise<{ at: number; instance: string; sample: Sample }[]> {
      const rows = await everyTenant.all<{ at: number; instance: string; sample: string }>(
        sql`SELECT at, instance, sample FROM alert_samples WHERE at > ${since} ORDER BY at`,
      )
      return rows.map((row) => ({ ...row, sample: JSON.parse(row.sample) as Sample }))
    },
  }
}
