import { Problem } from '#shared/problem.ts'
import type { App } from '#shared/server.ts'
import type { Writer } from '../../writer/queue.ts'
import { publicJwk, publicPem, type BundleKeys } from './keys.ts'
import { jwksSchema, keyParams, rotatedSchema, rotateInput } from './schema.ts'

const tags = ['exports']
const JWKS_TYPE = 'application/jwk-set+json'
const PEM_TYPE = 'application/x-pem-file'
/** Keys change seldom, and who meets one that they do not know asks again. */
const CACHE = 'public, max-age=300'

/** The public keys that bundles are verified with, for everybody; and their change, for administrators of the system. */
export const keyRoutes = (keys: BundleKeys, writer: Writer) => async (app: App) => {
  app.get(
    '/bundle-keys',
    { schema: { tags, summary: 'Public keys of the signatures of bundles (JWKS)', response: { 200: jwksSchema } } },
    async (_request, reply) => {
      const text = JSON.stringify({ keys: (await keys.all()).map(publicJwk) })
      return reply.type(JWKS_TYPE).header('cache-control', CACHE).send(text)
    },
  )

  app.get(
    '/bundle-keys/:kid',
    { schema: { tags, summary: 'One of them in PEM, as openssl reads it', params: keyParams } },
    async (request, reply) => {
      const key = (await keys.all()).find(({ kid }) => kid === request.params.kid)
      if (key === undefined) throw new Problem('not-found', { detail: 'There is no such key' })
      return reply.type(PEM_TYPE).header('cache-control', CACHE).send(publicPem(key))
    },
  )

  app.post(
    '/bundle-keys/rotate',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Replace the key that signs; the older ones stay published',
        body: rotateInput,
        response: { 200: rotatedSchema },
      },
    },
    async (request, reply) => {
      const { tenant } = request.caller
      const { withdraw } = request.body
      const key = withdraw ? keys.replacement() : keys.next()
      await writer.answer(request, reply, tenant, ['rotateBundleKey', key, withdraw])
      return reply
    },
  )
}
