import { decodeCursor, encodeCursor } from '#shared/pagination.ts'
import { invalidField } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { CollectorConfig } from '../config.ts'
import { signerOf } from '../tenants/guard.ts'
import type { Writer } from '../writer/queue.ts'
import { noSuchFinding } from './mute.ts'
import {
  findingListQuery,
  findingListSchema,
  findingParams,
  findingQuery,
  findingSchema,
  muteSchema,
} from './schema.ts'
import type { Stores } from '../engine/engine.ts'

const tags = ['findings']

const MINUTE_MS = 60_000
/** Mutes end with a minute: until then an answer that has them is good. */
const versioned = () => String(Math.floor(Date.now() / MINUTE_MS))

export const findingRoutes =
  (store: Stores['findings'], writer: Writer, config: CollectorConfig) => async (app: App) => {
    app.get(
      '/findings',
      {
        config: { versioned },
        schema: {
          tags,
          summary: 'Findings, those seen last first',
          querystring: findingListQuery(config),
          response: { 200: findingListSchema },
        },
      },
      async (request) => {
        const { limit, cursor, ...filter } = request.query
        const after =
          cursor === undefined ? undefined : (decodeCursor(cursor, ['number', 'string']) as [number, string])
        const { findings, totalCount, next } = await store.list(request.caller.tenant, filter, limit, Date.now(), after)
        return { findings, totalCount, ...(next === undefined ? {} : { nextCursor: encodeCursor(next) }) }
      },
    )

    app.get(
      '/findings/:fingerprint',
      {
        config: { versioned },
        schema: {
          tags,
          summary: 'A finding and its history',
          params: findingParams,
          querystring: findingQuery(config),
          response: { 200: findingSchema },
        },
      },
      async (request) => {
        const { tenant } = request.caller
        const { fingerprint } = request.params
        const { limit, cursor } = request.query
        const before = cursor === undefined ? [] : (decodeCursor(cursor, ['number']) as [number])
        const found = await store.get(tenant, fingerprint, Date.now())
        if (found === undefined) throw noSuchFinding()
        const { history, next } = await store.history(tenant, fingerprint, limit, ...before)
        return { ...found, history, ...(next === undefined ? {} : { nextCursor: encodeCursor(next) }) }
      },
    )

    app.put(
      '/findings/:fingerprint/mute',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'Mute a finding for a while',
          params: findingParams,
          body: muteSchema,
          response: { 200: findingSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const now = Date.now()
        const { reason, until } = request.body
        if (until <= now) throw invalidField('body', 'until', 'must be in the future')
        const mute = { reason, until: Math.ceil(until / MINUTE_MS) * MINUTE_MS, by: signerOf(request.caller) }
        await writer.answer(request, reply, tenant, ['muteFinding', tenant, request.params.fingerprint, mute, now])
        return reply
      },
    )

    app.delete(
      '/findings/:fingerprint/mute',
      {
        config: { etag: false },
        schema: { tags, summary: 'End the mute of a finding', params: findingParams, response: { 200: findingSchema } },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { fingerprint } = request.params
        await writer.answer(request, reply, tenant, ['muteFinding', tenant, fingerprint, undefined, Date.now()])
        return reply
      },
    )
  }
