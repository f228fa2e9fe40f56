import type { App } from '#shared/server.ts'
import type { Writes } from '#shared/writes.ts'
import { timestamp } from '#shared/timestamp.ts'
import { requireInstallationAdmin } from '../installation.ts'
import { keyOwnerOf } from '../tenants/realm.ts'
import { jwksSchema, rotateSchema, signingKeysSchema, type RotateInput } from './schema.ts'
import { signingOf, type SigningKeys } from './keys.ts'
import type { SigningKey } from './store.ts'

/** Every key, as administrators see it; its private part is never shown. */
function view(keys: readonly SigningKey[]) {
  const { kid: signing, active: since } = signingOf(keys, Date.now())
  return {
    keys: keys.map(({ kid, created_at, active, retired }) => ({
      kid,
      state: kid === signing ? 'signing' : active > since ? 'next' : 'retired',
      created_at,
      signs_from: timestamp(active),
      ...(retired === null ? {} : { signs_until: timestamp(retired) }),
    })),
  }
}

/** `GET /.well-known/jwks.json` (RFC 7517 section 5). */
export const jwksRoutes = (keys: SigningKeys) => async (routes: App) => {
  routes.get(
    '/.well-known/jwks.json',
    { schema: { tags: ['tokens'], summary: 'Public keys of access and ID tokens', response: { 200: jwksSchema } } },
    (_request, reply) =>
      reply.header('cache-control', `public, max-age=${keys.jwksMaxAge}`).send({ keys: keys.jwks().keys }),
  )
}

/** `/api/admin/signing-keys` */
export const signingKeyRoutes = (keys: SigningKeys, writes: Writes) => async (routes: App) => {
  const tags = ['admin']

  routes.get(
    '/',
    {
      config: { etag: false },
      schema: { tags, summary: 'Keys that sign tokens', response: { 200: signingKeysSchema } },
    },
    (request, reply) => {
      requireInstallationAdmin(request.caller)
      return reply.header('cache-control', 'no-store').send(view(keys.list()))
    },
  )

  routes.post<{ Body: RotateInput }>(
    '/rotate',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Replace the key that signs; nobody is logged out',
        body: rotateSchema,
        response: { 200: signingKeysSchema },
      },
    },
    (request, reply) => {
      requireInstallationAdmin(request.caller)
      const { withdraw } = request.body
      reply.header('cache-control', 'no-store')
      return writes.answer(request, reply, keyOwnerOf(request.caller), () => {
        const rotated = keys.rotate({ withdraw })
        const target = `signing-key:${rotated.at(-1)?.kid}`
        request.auditEvent = { event: 'signing-key.rotated', target, detail: { withdraw } }
        return { status: 200, body: view(rotated) }
      })
    },
  )
}
