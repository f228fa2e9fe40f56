import { languageOf, type Language } from '#shared/language.ts'
import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { isAllowed } from '#shared/permissions.ts'
import type { App } from '#shared/server.ts'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CollectorConfig } from '../config.ts'
import type { Stores } from '../engine/engine.ts'
import { signerOf } from '../tenants/guard.ts'
import type { Writer } from '../writer/queue.ts'
import { noSuchAlert, noSuchNotification } from './commands.ts'
import { alertItem, notificationItem } from './items.ts'
import type { Notification } from './notification.ts'
import {
  alertListQuery,
  alertListSchema,
  alertSchema,
  alertStateSchema,
  idParams,
  notificationListQuery,
  notificationListSchema,
  notificationSchema,
} from './schema.ts'

interface RouteParts {
  store: Stores['alerts']
  writer: Writer
  config: CollectorConfig
  /** Called when there may be something to send. */
  onChange(): void
}

const tags = ['alerts']

/** Notifications as whoever asks may see them. */
const itemOf = ({ caller }: FastifyRequest) => {
  const isWhole = isAllowed(caller, 'tenant.admin')
  return (notification: Notification) => notificationItem(notification, isWhole)
}

/** The language of summaries; caches are told what it goes by. */
function spokenTo({ headers }: FastifyRequest, reply: FastifyReply): Language {
  reply.header('vary', 'accept-language')
  return languageOf(headers, {})
}

export const alertRoutes =
  ({ store, writer, config, onChange }: RouteParts) =>
  async (app: App) => {
    app.get(
      '/alerts',
      {
        schema: {
          tags,
          summary: 'Alerts, those that began last first',
          querystring: alertListQuery(config),
          response: { 200: alertListSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { limit, cursor, ...filter } = request.query
        const after =
          cursor === undefined ? undefined : (decodeCursor(cursor, ['number', 'string']) as [number, string])
        const { alerts, next } = await store.list(tenant, filter, limit, after)
        const now = Date.now()
        const silences = await store.silences(tenant, now)
        const nextCursor = next === undefined ? {} : { nextCursor: encodeCursor(next) }
        const language = spokenTo(request, reply)
        return { alerts: alerts.map((alert) => alertItem(alert, silences, now, language)), ...nextCursor }
      },
    )

    app.get(
      '/alerts/notifications',
      {
        schema: {
          tags,
          summary: 'Notifications, sent or still to be sent, newest first',
          querystring: notificationListQuery(config),
          response: { 200: notificationListSchema },
        },
      },
      async (request) => {
        const { limit, cursor, ...filter } = request.query
        const before = cursor === undefined ? [] : (decodeCursor(cursor, ['number']) as [number])
        const { notifications, next } = await store.notifications(request.caller.tenant, filter, limit, ...before)
        const nextCursor = next === undefined ? {} : { nextCursor: encodeCursor(next) }
        return { notifications: notifications.map(itemOf(request)), ...nextCursor }
      },
    )

    app.get(
      '/alerts/notifications/:id',
      { schema: { tags, summary: 'A notification', params: idParams, response: { 200: notificationSchema } } },
      async (request) => {
        const found = await store.notification(request.caller.tenant, request.params.id)
        if (found === undefined) throw noSuchNotification()
        return itemOf(request)(found)
      },
    )

    app.post(
      '/alerts/notifications/:id/retry',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'Send a notification again that is dead, or that waits for its next try',
          params: idParams,
          response: { 202: notificationSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { id } = request.params
        await writer.answer(request, reply, tenant, ['retryAlertNotification', tenant, id, Date.now()])
        onChange()
        return reply
      },
    )

    app.get(
      '/alerts/:id',
      {
        schema: {
          tags,
          summary: 'An alert and the notifications about it',
          params: idParams,
          response: { 200: alertSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const found = await store.get(tenant, request.params.id)
        if (found === undefined) throw noSuchAlert()
        const now = Date.now()
        const item = alertItem(found, await store.silences(tenant, now), now, spokenTo(request, reply))
        const notifications = await store.notificationsOf(tenant, found.id)
        return { ...item, notifications: notifications.map(itemOf(request)) }
      },
    )

    app.post(
      '/alerts/:id/acknowledge',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'Say that somebody takes care of an alert',
          description: 'It is not told again then, but for its end; PagerDuty and webhooks are told.',
          params: idParams,
          response: { 200: alertStateSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const by = signerOf(request.caller)
        const language = spokenTo(request, reply)
        const { id } = request.params
        await writer.answer(request, reply, tenant, ['acknowledgeAlert', tenant, id, by, Date.now(), language])
        onChange()
        return reply
      },
    )
  }
