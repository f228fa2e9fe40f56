import type { Tenant } from '#shared/scope.ts'
import type { CollectorConfig } from '../config.ts'
import { removeSome } from '../postgres/bulk.ts'
import { columns, joined, raw, sql, type Statement } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import { createAlertCommands, ALERT_COMMAND_NAMES, type LaterAlertCommands } from './commands.ts'
import { createPostgresAlerts, dueBy, NOTIFICATION } from './postgres.ts'
import {
  ALERT_COLUMNS,
  alertOut,
  CHANNEL_COLUMNS,
  channelIn,
  NOTIFICATION_COLUMNS,
  notificationIn,
  notificationOut,
  overFirst,
  RULE_COLUMNS,
  SILENCE_COLUMNS,
  type ChannelRow,
  type Claimed,
  type NotificationRow,
} from './rows.ts'
import type { Notification } from './notification.ts'
import { doLater, type Steps } from './steps.ts'
import type { AlertWrites } from './writes.ts'

function upsert(table: string, key: string, names: readonly string[], tenantId: Tenant, row: object): Statement {
  const values = names.map((name) => sql`${(row as Record<string, unknown>)[name]}`)
  const changes = names.map((name) => `${name} = excluded.${name}`).join(', ')
  return sql`INSERT INTO ${raw(table)} (tenantId, ${raw(names.join(', '))}) VALUES (${tenantId}, ${joined(values, ', ')})
    ON CONFLICT (${raw(key)}) DO UPDATE SET ${raw(changes)}`
}

/** The SQL of a transaction; see sqlite-writes.ts. */
export function createPostgresAlertWrites(tx: Transaction): AlertWrites {
  function put(tenantId: Tenant, notification: Notification): void {
    const { id, alerts } = notification
    tx.later(upsert('alert_notifications', 'id', NOTIFICATION_COLUMNS, tenantId, notificationOut(notification)))
    tx.later(sql`DELETE FROM alert_mentions WHERE tenantId = ${tenantId} AND notificationId = ${id}`)
    tx.later(
      sql`INSERT INTO alert_mentions (tenantId, alertId, notificationId)
        SELECT ${tenantId}, alertId, ${id} FROM unnest(${alerts.map((alert) => alert.id)}::text[]) AS told (alertId)
        ON CONFLICT DO NOTHING`,
    )
  }

  return {
    putRule: (tenantId, stored) =>
      tx.later(
        upsert('alert_rules', 'tenantId, name', RULE_COLUMNS, tenantId, {
          ...stored,
          rule: JSON.stringify(stored.rule),
        }),
      ),
    removeRule: (tenantId, name) =>
      tx.later(sql`DELETE FROM alert_rules WHERE tenantId = ${tenantId} AND name = ${name}`),
    putChannel: (tenantId, stored) =>
      tx.later(
        upsert('alert_channels', 'tenantId, name', CHANNEL_COLUMNS, tenantId, {
          ...stored,
          channel: JSON.stringify(stored.channel),
        }),
      ),
    removeChannel(tenantId, name, reason) {
      tx.later(
        sql`UPDATE alert_notifications SET state = 'dead', lastError = ${reason}
          WHERE tenantId = ${tenantId} AND channel = ${name} AND state IN ('pending', 'failed')`,
      )
      tx.later(sql`DELETE FROM alert_channels WHERE tenantId = ${tenantId} AND name = ${name}`)
    },
    reseal: async (tenantId, name, from, to) =>
      (await tx.run(
        sql`UPDATE alert_channels SET sealed = ${Buffer.from(to)}
          WHERE tenantId = ${tenantId} AND name = ${name} AND sealed = ${Buffer.from(from)}`,
      )) === 1,
    putCircuit: (tenantId, { name, failures, blockedUntil }) =>
      tx.later(
        sql`UPDATE alert_channels SET failures = ${failures}, blockedUntil = ${blockedUntil}
          WHERE tenantId = ${tenantId} AND name = ${name}`,
      ),
    putSilence: (tenantId, silence) =>
      tx.later(upsert('alert_silences', 'tenantId, id', SILENCE_COLUMNS, tenantId, silence)),
    removeSilence: (tenantId, id) =>
      tx.later(sql`DELETE FROM alert_silences WHERE tenantId = ${tenantId} AND id = ${id}`),
    apply(tenantId, { alerts, removed, notifications, dropped }) {
      for (const alert of overFirst(alerts)) {
        tx.later(upsert('alerts', 'tenantId, id', ALERT_COLUMNS, tenantId, alertOut(alert)))
      }
      tx.later(sql`DELETE FROM alerts WHERE tenantId = ${tenantId} AND id = ANY(${removed}::text[])`)
      for (const notification of notifications) put(tenantId, notification)
      tx.later(sql`DELETE FROM alert_notifications WHERE tenantId = ${tenantId} AND id = ANY(${dropped}::text[])`)
    },
    putNotification: put,
    bound: (tenantId, max, reason) =>
      tx.later(
        sql`UPDATE alert_notifications SET state = 'dead', lastError = ${reason} WHERE seq IN (
          SELECT seq FROM alert_notifications WHERE tenantId = ${tenantId} AND state IN ('pending', 'failed') ORDER BY seq
          LIMIT greatest(0, (SELECT count(*) FROM alert_notifications
            WHERE tenantId = ${tenantId} AND state IN ('pending', 'failed')) - ${max}::bigint))`,
      ),
    lock: (tenantId) =>
      tx.later(sql`SELECT pg_advisory_xact_lock(hashtextextended(${`najimban alerts ${tenantId}`}, 0))`),
    async claim(now, limit, busy, until): Promise<Claimed[]> {
      const found = await tx.all<{ id: string }>(
        sql`SELECT id FROM (
            SELECT n.id, n.tenantId, n.channel, n.nextAt,
              row_number() OVER (PARTITION BY n.tenantId, n.channel ORDER BY n.nextAt, n.seq) AS place FROM ${dueBy(now)}
          ) AS due WHERE place = 1 AND NOT (tenantId || ' ' || channel) = ANY(${busy}::text[])
          ORDER BY nextAt LIMIT ${limit}`,
      )
      if (found.length === 0) return []
      const ids = found.map(({ id }) => id)
      // Another replica may have been faster.
      const rows = await tx.all<NotificationRow & { tenantId: Tenant }>(
        sql`WITH taken AS (
            SELECT id AS mine FROM alert_notifications WHERE id = ANY(${ids}::text[])
              AND state IN ('pending', 'failed') AND nextAt <= ${now} FOR UPDATE SKIP LOCKED)
          UPDATE alert_notifications SET attempts = attempts + 1, nextAt = ${until} FROM taken WHERE id = mine
          RETURNING tenantId AS "tenantId", ${NOTIFICATION}`,
      )
      const channels = await tx.all<ChannelRow & { tenantId: Tenant }>(
        sql`SELECT ${columns('tenantId', ...CHANNEL_COLUMNS)} FROM alert_channels
          WHERE tenantId = ANY(${rows.map(({ tenantId }) => tenantId)}::text[])`,
      )
      return rows.flatMap(({ tenantId, ...row }) => {
        const channel = channels.find((one) => one.tenantId === tenantId && one.name === row.channel)
        if (channel === undefined) return []
        const { tenantId: _tenant, ...stored } = channel
        return [{ tenantId, notification: notificationIn(row), channel: channelIn(stored) }]
      })
    },
    addSample: (at, instance, sample) =>
      tx.later(
        sql`INSERT INTO alert_samples (at, instance, sample) VALUES (${at}, ${instance}, ${sample})
          ON CONFLICT (at, instance) DO UPDATE SET sample = excluded.sample`,
      ),
    async sweep(cutoff, samplesBefore, limit) {
      const deleted = await tx.together(
        removeSome('alerts', 'tenantId, id', sql`state = 'resolved' AND resolvedAt < ${cutoff}`, limit),
        removeSome('alert_notifications', 'seq', sql`state IN ('sent', 'dead') AND createdAt < ${cutoff}`, limit),
        removeSome('alert_silences', 'tenantId, id', sql`endsAt < ${cutoff}`, limit),
        removeSome('alert_samples', 'at, instance', sql`at < ${samplesBefore}`, limit),
      )
      return Math.max(...deleted.map(({ count }) => count))
    },
    async hold(instance, now, until) {
      const mine = await tx.run(
        sql`INSERT INTO alert_lease (name, holder, heldUntil) VALUES ('rules', ${instance}, ${until})
          ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, heldUntil = excluded.heldUntil
          WHERE alert_lease.holder = excluded.holder OR alert_lease.heldUntil <= ${now}`,
      )
      return mine === 1
    },
  }
}

/** The commands about alerts on PostgreSQL: the same ones, in its transactions. */
export function createPostgresAlertCommands(config: CollectorConfig): LaterAlertCommands<Transaction> {
  const ran =
    (name: string) =>
    (tx: Transaction, ...args: readonly unknown[]) => {
      const store = createPostgresAlerts({ of: () => tx, everyTenant: tx })
      const commands = createAlertCommands(store, createPostgresAlertWrites(tx), config)
      const command = commands[name as keyof typeof commands] as (...given: readonly unknown[]) => Steps<unknown>
      return doLater(command(...args))
    }
  return Object.fromEntries(ALERT_COMMAND_NAMES.map((name) => [name, ran(name)])) as LaterAlertCommands<Transaction>
}
