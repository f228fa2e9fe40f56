import Joi from 'joi'
import { QUOTA_NAMES } from '../../tenants/quota.ts'

const count = () => Joi.number().integer().required()

export const batchSchema = Joi.object({
  items: Joi.array()
    .items(
      Joi.object({
        index: count().description('Place in the batch, from 0'),
        status: Joi.string().valid('stored', 'duplicate', 'quarantined', 'rejected').required(),
        id: Joi.string(),
        errors: Joi.array().items(
          Joi.object({ in: Joi.string(), field: Joi.string().allow(''), message: Joi.string() }),
        ),
        quota: Joi.string()
          .valid(...QUOTA_NAMES)
          .description('The quota of the tenant that had no room for it'),
        retryable: Joi.boolean().required().description('Whether it is worth while to send it again as it is'),
      }),
    )
    .required(),
  counts: Joi.object({ stored: count(), duplicate: count(), quarantined: count(), rejected: count() }).required(),
})
