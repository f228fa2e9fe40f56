import Joi from 'joi'
import type { KeyRotation } from '#shared/key-rotation.ts'
import type { Logger } from '#shared/logger.ts'
import type { App } from '#shared/server.ts'
import { requireInstallationAdmin } from '../installation.ts'

const tags = ['admin']

const statusSchema = Joi.object({
  primary: Joi.string().description('The key that seals'),
  keys: Joi.array()
    .items(Joi.object({ id: Joi.string(), values: Joi.number().integer() }))
    .description('Each key of ENCRYPTION_KEYS and the values that need it; one that none needs may be taken out'),
  unknown: Joi.number().integer().description('Values whose key is not there: they cannot be read'),
  left: Joi.number().integer().description('Values that are not under the primary key yet'),
  running: Joi.boolean(),
  resealed: Joi.number().integer().description('Values that the present or last run brought over'),
  refused: Joi.number().integer().description('Values that it could not open'),
}).label('Encryption')

/** `/api/admin/encryption`: the keys that secrets in the database are sealed with. */
export const encryptionRoutes = (rotation: KeyRotation, logger: Logger) => async (routes: App) => {
  routes.get(
    '/',
    {
      config: { etag: false },
      schema: { tags, summary: 'Encryption keys in use, and what is left to rotate', response: { 200: statusSchema } },
    },
    (request, reply) => {
      requireInstallationAdmin(request.caller)
      return reply.header('cache-control', 'no-store').send(rotation.status())
    },
  )

  routes.post(
    '/rotate',
    {
      config: { etag: false },
      schema: {
        tags,
        summary: 'Bring everything under the primary key; it also begins at every start',
        response: { 202: statusSchema },
      },
    },
    (request, reply) => {
      requireInstallationAdmin(request.caller)
      request.auditEvent = { event: 'encryption.rotated', detail: { primary: rotation.primary } }
      rotation.run().catch((error: unknown) => logger.error({ err: error }, 'the rotation of keys stopped'))
      return reply.code(202).header('cache-control', 'no-store').send(rotation.status())
    },
  )
}
