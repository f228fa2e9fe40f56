import Joi from 'joi'

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
        retryable: Joi.boolean().required().description('Whether it is worth while to send it again as it is'),
      }),
    )
    .required(),
  counts: Joi.object({ stored: count(), duplicate: count(), quarantined: count(), rejected: count() }).required(),
})
