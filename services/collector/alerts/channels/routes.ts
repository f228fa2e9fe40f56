import type { Keyring } from '#shared/keyring.ts'
import type { OutboundClient } from '#shared/outbound/client.ts'
import type { Tenant } from '#shared/scope.ts'
import type { App } from '#shared/server.ts'
import type { Stores } from '../../engine/engine.ts'
import type { Writer } from '../../writer/queue.ts'
import type { StoredChannel } from '../rows.ts'
import { noSuchChannel } from '../commands.ts'
import { channelItem, channelStatus } from '../items.ts'
import { notificationSchema } from '../schema.ts'
import { channelOf } from './given.ts'
import { channelBody, channelListSchema, channelParams, channelSchema, type ChannelSecrets } from './schema.ts'
import { openSecrets, sealSecrets } from './sealed.ts'

interface ChannelParts {
  store: Stores['alerts']
  writer: Writer
  keyring: Keyring
  outbound: OutboundClient
  hasMail: boolean
  /** Called when there is something to send. */
  onPost(): void
}

const tags = ['alerts']

export const channelRoutes =
  ({ store, writer, keyring, outbound, hasMail, onPost }: ChannelParts) =>
  async (app: App) => {
    /** Those of a channel whose key is gone are to be given anew. */
    function knownSecrets(tenant: Tenant, before: StoredChannel): ChannelSecrets | undefined {
      try {
        return openSecrets(keyring, tenant, before)
      } catch {
        return undefined
      }
    }

    app.get(
      '/alerts/channels',
      {
        config: { etag: false },
        schema: { tags, summary: 'Channels that alerts go out by', response: { 200: channelListSchema } },
      },
      async (request) => ({ channels: (await store.channels(request.caller.tenant)).map(channelStatus) }),
    )

    app.get(
      '/alerts/channels/:name',
      {
        schema: {
          tags,
          summary: 'A channel, without its secrets',
          params: channelParams,
          response: { 200: channelSchema },
        },
      },
      async (request) => {
        const found = await store.channel(request.caller.tenant, request.params.name)
        if (found === undefined) throw noSuchChannel()
        return channelItem(found)
      },
    )

    app.put(
      '/alerts/channels/:name',
      {
        schema: {
          tags,
          summary: 'Make or replace a channel',
          description:
            'url, routingKey, secret and to are never given back; of a channel that there is they stay when they are left out.',
          params: channelParams,
          body: channelBody,
          response: { 200: channelSchema, 201: channelSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        const { name } = request.params
        const before = await store.channel(tenant, name)
        const isSameKind = before?.channel.kind === request.body.kind
        const known = isSameKind && before !== undefined ? knownSecrets(tenant, before) : undefined
        const { channel, secrets, target } = channelOf(request.body, known, { outbound, hasMail })
        const now = Date.now()
        const stored = {
          name,
          channel,
          target,
          sealed: sealSecrets(keyring, tenant, name, secrets),
          failures: 0,
          blockedUntil: 0,
          createdAt: now,
          updatedAt: now,
        }
        const { 'if-match': ifMatch } = request.headers
        await writer.answer(request, reply, tenant, ['putAlertChannel', tenant, stored, ifMatch])
        onPost()
        return reply
      },
    )

    app.delete(
      '/alerts/channels/:name',
      { schema: { tags, summary: 'Delete a channel', params: channelParams } },
      async (request, reply) => {
        const { tenant } = request.caller
        const { 'if-match': ifMatch } = request.headers
        await writer.answer(request, reply, tenant, ['removeAlertChannel', tenant, request.params.name, ifMatch])
        return reply
      },
    )

    app.post(
      '/alerts/channels/:name/test',
      {
        config: { etag: false },
        schema: {
          tags,
          summary: 'Send a test by a channel',
          description: 'The answer names the notification, which says what became of it.',
          params: channelParams,
          response: { 202: notificationSchema },
        },
      },
      async (request, reply) => {
        const { tenant } = request.caller
        await writer.answer(request, reply, tenant, ['testAlertChannel', tenant, request.params.name, Date.now()])
        onPost()
        return reply
      },
    )
  }
