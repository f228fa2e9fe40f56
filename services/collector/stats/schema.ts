import Joi from 'joi'

const count = () => Joi.number().integer().required()
const severities = { info: count(), warn: count(), block: count() }

export const statsSchema = Joi.object({
  reports: Joi.object({
    total: count(),
    bySeverity: Joi.object({ none: count(), ...severities }).required(),
    byState: Joi.object({ stored: count(), quarantined: count() }).required(),
    today: count().description('Since midnight, UTC'),
    last24h: count(),
    last7d: count(),
    oldest: Joi.number().integer().description('When it was stored, milliseconds since 1970'),
    newest: Joi.number().integer(),
  }).required(),
  findings: Joi.object({
    open: Joi.object(severities).required(),
    flaky: count(),
    muted: count(),
    partial: Joi.boolean().required().description('There are so many that only those seen last are in these numbers'),
  }).required(),
  top: Joi.object({
    rules: Joi.array()
      .items(Joi.object({ name: Joi.string().required(), ...severities }))
      .required()
      .description('Reports of the last 7 days by rule, those first of which most was blocked'),
    targets: Joi.array()
      .items(Joi.object({ target: Joi.string().required(), ...severities }))
      .required()
      .description('With the most open findings'),
  }).required(),
  storage: Joi.object({ reports: count(), bytes: count() })
    .required()
    .description('Reports and markdown as they are stored'),
  ingest: Joi.object({
    reports: count().description('Stored, those in quarantine too'),
    quarantined: count().description('Did not fit their schema when they came'),
    bytes: count(),
    duplicates: count().description('Were there already: nothing of them is stored'),
    rejected: count().description('Were no reports'),
    refused: Joi.object()
      .pattern(Joi.string(), count())
      .required()
      .description('Refused for quotas and overload, by reason'),
  })
    .required()
    .description(
      'What came in the last 7 days (UTC), also when it was deleted since; what is not stored shows within a minute',
    ),
})
