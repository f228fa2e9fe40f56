import { invalidField } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import { randomUUIDv7 } from 'node:crypto'
import type { Stores } from '../../engine/engine.ts'
import { signerOf } from '../../tenants/guard.ts'
import type { Writer } from '../../writer/queue.ts'
import { noSuchSilence } from '../commands.ts'
import { silenceItem } from '../items.ts'
import { idParams } from '../schema.ts'
import { silenceBody, silenceListSchema, silenceSchema, type SilenceInput } from './schema.ts'
import type { Silence } from './silence.ts'

const tags = ['alerts']

/** @throws Problem for a window that is over before it begins, or already */
function silenceOf(id: string, by: string, input: SilenceInput, now: number): Silence {
  const { startsAt = now, endsAt, rule = null, level = null, reason } = input
  if (endsAt <= startsAt) throw invalidField('body', 'endsAt', 'endsAt must be after startsAt')
  if (endsAt <= now) throw invalidField('body', 'endsAt', 'endsAt must be in the future')
  return { id, startsAt, endsAt, rule, level, reason, createdBy: by, createdAt: now, updatedAt: now }
}

export const silenceRoutes = (store: Stores['alerts'], writer: Writer) => async (app: App) => {
  app.get(
    '/alerts/silences',
    {
      schema: {
        tags,
        summary: 'Maintenance windows that are not over, the one that ends first first',
        response: { 200: silenceListSchema },
      },
    },
    async (request) => ({ silences: (await store.silences(request.caller.tenant, Date.now())).map(silenceItem) }),
  )

  app.get(
    '/alerts/silences/:id',
    { schema: { tags, summary: 'A maintenance window', params: idParams, response: { 200: silenceSchema } } },
    async (request) => {
      const found = await store.silence(request.caller.tenant, request.params.id)
      if (found === undefined) throw noSuchSilence()
      return silenceItem(found)
    },
  )

  app.post(
    '/alerts/silences',
    {
      schema: {
        tags,
        summary: 'Make a maintenance window',
        description:
          'Alerts that match fire in it, and nobody is told before it ends. Their end is told to whom their beginning was.',
        body: silenceBody,
        response: { 201: silenceSchema },
      },
    },
    async (request, reply) => {
      const { tenant } = request.caller
      const silence = silenceOf(randomUUIDv7(), signerOf(request.caller), request.body, Date.now())
      await writer.answer(request, reply, tenant, ['putAlertSilence', tenant, silence, true, undefined])
      return reply
    },
  )

  app.put(
    '/alerts/silences/:id',
    {
      schema: {
        tags,
        summary: 'Change a maintenance window',
        params: idParams,
        body: silenceBody,
        response: { 200: silenceSchema },
      },
    },
    async (request, reply) => {
      const { tenant } = request.caller
      const silence = silenceOf(request.params.id, signerOf(request.caller), request.body, Date.now())
      const { 'if-match': ifMatch } = request.headers
      await writer.answer(request, reply, tenant, ['putAlertSilence', tenant, silence, false, ifMatch])
      return reply
    },
  )

  app.delete(
    '/alerts/silences/:id',
    { schema: { tags, summary: 'End and delete a maintenance window', params: idParams } },
    async (request, reply) => {
      const { tenant } = request.caller
      const { 'if-match': ifMatch } = request.headers
      await writer.answer(request, reply, tenant, ['removeAlertSilence', tenant, request.params.id, ifMatch])
      return reply
    },
  )
}
