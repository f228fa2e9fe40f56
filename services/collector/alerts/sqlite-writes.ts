import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import {
  ALERT_COLUMNS,
  alertOut,
  channelIn,
  CHANNEL_COLUMNS,
  NOTIFICATION_COLUMNS,
  notificationIn,
  notificationOut,
  overFirst,
  SILENCE_COLUMNS,
  type ChannelRow,
  type Claimed,
  type NotificationRow,
} from './rows.ts'
import type { Notification } from './notification.ts'
import { DUE } from './store.ts'
import type { AlertWrites } from './writes.ts'

const upsert = (table: string, key: string, columns: readonly string[]): string =>
  `INSERT INTO ${table} (tenantId, ${columns.join(', ')}) VALUES (:tenantId, ${columns.map((name) => `:${name}`).join(', ')})
   ON CONFLICT (${key}) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(', ')}`

/** The SQL of the writer's thread. */
export function createAlertWrites(db: Database) {
  const putRule = db.prepare(upsert('alert_rules', 'tenantId, name', ['name', 'rule', 'createdAt', 'updatedAt']))
  const removeRule = db.prepare('DELETE FROM alert_rules WHERE tenantId = ? AND name = ?')
  const putChannel = db.prepare(upsert('alert_channels', 'tenantId, name', CHANNEL_COLUMNS))
  const removeChannel = db.prepare('DELETE FROM alert_channels WHERE tenantId = ? AND name = ?')
  const killOf = db.prepare(
    `UPDATE alert_notifications SET state = 'dead', lastError = ?
     WHERE tenantId = ? AND channel = ? AND state IN ('pending', 'failed')`,
  )
  const putCircuit = db.prepare(
    'UPDATE alert_channels SET failures = :failures, blockedUntil = :blockedUntil WHERE tenantId = :tenantId AND name = :name',
  )
  const reseal = db.prepare('UPDATE alert_channels SET sealed = ? WHERE tenantId = ? AND name = ? AND sealed = ?')
  const putSilence = db.prepare(upsert('alert_silences', 'tenantId, id', SILENCE_COLUMNS))
  const removeSilence = db.prepare('DELETE FROM alert_silences WHERE tenantId = ? AND id = ?')
  const putAlert = db.prepare(upsert('alerts', 'tenantId, id', ALERT_COLUMNS))
  const removeAlert = db.prepare('DELETE FROM alerts WHERE tenantId = ? AND id = ?')
  const putNotification = db.prepare(upsert('alert_notifications', 'id', NOTIFICATION_COLUMNS))
  const removeNotification = db.prepare('DELETE FROM alert_notifications WHERE tenantId = ? AND id = ?')
  const forgetMentions = db.prepare('DELETE FROM alert_mentions WHERE notificationId = ?')
  const mention = db.prepare('INSERT OR IGNORE INTO alert_mentions VALUES (?, ?, ?)')
  const boundOutbox = db.prepare(
    `UPDATE alert_notifications SET state = 'dead', lastError = :reason WHERE seq IN (
       SELECT seq FROM alert_notifications INDEXED BY alert_notifications_waiting
       WHERE tenantId = :tenantId AND state IN ('pending', 'failed') ORDER BY seq
       LIMIT max(0, (SELECT count(*) FROM alert_notifications
         WHERE tenantId = :tenantId AND state IN ('pending', 'failed')) - :max))`,
  )
  const due = db.prepare<[object], { id: string; tenantId: Tenant; channel: string }>(
    `SELECT id, tenantId, channel FROM (
       SELECT n.id, n.tenantId, n.channel, n.nextAt,
         row_number() OVER (PARTITION BY n.tenantId, n.channel ORDER BY n.nextAt, n.seq) AS place FROM ${DUE})
     WHERE place = 1 ORDER BY nextAt LIMIT :limit`,
  )
  const take = db.prepare<[number, string], NotificationRow>(
    `UPDATE alert_notifications SET attempts = attempts + 1, nextAt = ? WHERE id = ?
     RETURNING seq, ${NOTIFICATION_COLUMNS.join(', ')}`,
  )
  const channel = db.prepare<[string, string], ChannelRow>(
    `SELECT ${CHANNEL_COLUMNS.join(', ')} FROM alert_channels WHERE tenantId = ? AND name = ?`,
  )
  const addSample = db.prepare('INSERT OR REPLACE INTO alert_samples (at, instance, sample) VALUES (?, ?, ?)')
  const sweeps = [
    `DELETE FROM alerts WHERE (tenantId, id) IN
       (SELECT tenantId, id FROM alerts WHERE state = 'resolved' AND resolvedAt < ? LIMIT ?)`,
    `DELETE FROM alert_notifications WHERE seq IN
       (SELECT seq FROM alert_notifications WHERE state IN ('sent', 'dead') AND createdAt < ? LIMIT ?)`,
    'DELETE FROM alert_silences WHERE (tenantId, id) IN (SELECT tenantId, id FROM alert_silences WHERE endsAt < ? LIMIT ?)',
  ].map((text) => db.prepare<[number, number]>(text))
  const sweepSamples = db.prepare<[number, number]>(
    'DELETE FROM alert_samples WHERE (at, instance) IN (SELECT at, instance FROM alert_samples WHERE at < ? LIMIT ?)',
  )

  function put(tenantId: Tenant, notification: Notification): void {
    putNotification.run({ tenantId, ...notificationOut(notification) })
    forgetMentions.run(notification.id)
    for (const { id } of notification.alerts) mention.run(tenantId, id, notification.id)
  }

  return {
    putRule: (tenantId, stored) => void putRule.run({ tenantId, ...stored, rule: JSON.stringify(stored.rule) }),
    removeRule: (tenantId, name) => void removeRule.run(tenantId, name),
    // What came from another thread is bytes, and no Buffer.
    putChannel: (tenantId, stored) =>
      void putChannel.run({
        tenantId,
        ...stored,
        channel: JSON.stringify(stored.channel),
        sealed: Buffer.from(stored.sealed),
      }),
    removeChannel(tenantId, name, reason) {
      killOf.run(reason, tenantId, name)
      removeChannel.run(tenantId, name)
    },
    reseal: (tenantId, name, from, to) => reseal.run(Buffer.from(to), tenantId, name, Buffer.from(from)).changes === 1,
    putCircuit: (tenantId, { name, failures, blockedUntil }) =>
      void putCircuit.run({ tenantId, name, failures, blockedUntil }),
    putSilence: (tenantId, silence) => void putSilence.run({ tenantId, ...silence }),
    removeSilence: (tenantId, id) => void removeSilence.run(tenantId, id),
    apply(tenantId, { alerts, removed, notifications, dropped }) {
      for (const alert of overFirst(alerts)) {
        putAlert.run({ tenantId, ...alertOut(alert) })
      }
      for (const id of removed) removeAlert.run(tenantId, id)
      for (const notification of notifications) put(tenantId, notification)
      for (const id of dropped) removeNotification.run(tenantId, id)
    },
    putNotification: put,
    bound: (tenantId, max, reason) => void boundOutbox.run({ tenantId, max, reason }),
    lock: () => undefined,
    claim(now, limit, busy, until): Claimed[] {
      const found = due.all({ now, limit: limit + busy.length })
      const free = found.filter((one) => !busy.includes(`${one.tenantId} ${one.channel}`)).slice(0, limit)
      return free.map(({ id, tenantId, channel: name }) => ({
        tenantId,
        notification: notificationIn(take.get(until, id) as NotificationRow),
        channel: channelIn(channel.get(tenantId, name) as ChannelRow),
      }))
    },
    addSample: (at, instance, sample) => void addSample.run(at, instance, sample),
    sweep(cutoff, samplesBefore, limit) {
      const deleted = sweeps.map((statement) => statement.run(cutoff, limit).changes)
      return Math.max(...deleted, sweepSamples.run(samplesBefore, limit).changes)
    },
    // There is one process only.
    hold: () => true,
  } satisfies AlertWrites
}
