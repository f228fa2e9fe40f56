import Joi from 'joi'
import { cursorParam, limitParam, timeMember } from '../parameters.ts'
import { RUN_STATES } from './store.ts'

export interface PolicyInput {
  /** null is the default of the settings. */
  retainDays: number | null
  archive: boolean | null
}

const DAYS_MAX = 36_500

export const policyBody = Joi.object<PolicyInput, true>({
  retainDays: Joi.number()
    .integer()
    .min(1)
    .max(DAYS_MAX)
    .allow(null)
    .default(null)
    .description('Age at which reports are deleted; null for RETAIN_DAYS'),
  archive: Joi.boolean()
    .allow(null)
    .default(null)
    .description('Whether they go into an archive first; null for RETENTION_ARCHIVE'),
})

const policyMembers = {
  tenantId: Joi.string().required(),
  retainDays: Joi.number().integer().required(),
  archive: Joi.boolean().required(),
  updatedAt: Joi.number().integer().description('Milliseconds since 1970; absent where the defaults are in force'),
  updatedBy: Joi.string(),
}

export const policyAnswer = Joi.object(policyMembers)

const count = () => Joi.number().integer().required()

const runMembers = {
  run: count().description('Number of the run'),
  state: Joi.string()
    .valid(...RUN_STATES)
    .required(),
  requestedBy: Joi.string().required().description('schedule when nobody did'),
  forcedClock: Joi.boolean().required().description('Somebody vouched for a clock that seemed to be wrong'),
  retainDays: count(),
  cutoffTime: timeMember(),
  startedAt: timeMember(),
  finishedAt: Joi.number().integer(),
  archived: count().description('Reports in the archives of this run'),
  deleted: count(),
  kept: count().description('Reports that stayed because they changed, or got a hold, after they were archived'),
  reportBytes: count().description('Size of what is in the archives, before compression'),
  archiveBytes: count().description('Size of the archives'),
  freedBytes: count().description('What the database gave back to the disk'),
  files: Joi.array().items(Joi.string()).required().description('Archives, below DATA_DIR/archive/collector'),
  error: Joi.string(),
}

export const runAnswer = Joi.object(runMembers)

export const statusAnswer = Joi.object({
  ...policyMembers,
  schedule: Joi.string().required(),
  nextRunAt: Joi.number().integer().description('Milliseconds since 1970; absent without a schedule'),
  held: count().description('Reports on hold'),
  lastRun: runAnswer,
})

export interface RunInput {
  dry_run: boolean
  force_clock: boolean
  wait: boolean
}

const option = (standard: boolean) => Joi.boolean().empty('').default(standard)

export const runBody = Joi.object<RunInput, true>({
  dry_run: option(false).description('Only say what would be deleted'),
  force_clock: option(false).description('Run although the clock seems to be wrong'),
  wait: option(true).description('false: 202 at once; the list of runs says what became of it'),
}).default()

export interface RunQuery {
  dry_run?: boolean
}
export const runQuery = Joi.object<RunQuery, true>({ dry_run: Joi.boolean().empty('') })

const contract = {
  tenantId: Joi.string().required(),
  retainDays: count(),
  deleted: count(),
  cutoffTime: timeMember(),
}

export const dryRunMembers = {
  dryRun: Joi.boolean(),
  reports: Joi.number().integer().description('Of a dry run: reports that a run would delete now'),
  bytes: Joi.number()
    .integer()
    .description('Their size as they are stored; lines of an archive (reportBytes of a run) are longer'),
  oldest: Joi.number().integer(),
  newest: Joi.number().integer(),
  held: Joi.number().integer().description('Old enough, but on hold'),
  heldBytes: Joi.number().integer(),
  months: Joi.array().items(
    Joi.object({ month: Joi.string().required(), reports: count(), bytes: count(), held: count() }),
  ),
  clockRefused: Joi.string().description('Why a run would be refused'),
}

const optionalRun = Object.fromEntries(
  Object.entries(runMembers).map(([name, schema]) => [name, schema.optional()]),
) as Record<string, Joi.Schema>

export const ranAnswer = Joi.object({ ...optionalRun, ...dryRunMembers, ...contract })

export interface RunListQuery {
  limit: number
  cursor?: string
}

const PAGE_DEFAULT = 20
const PAGE_MAX = 100
export const runListQuery = Joi.object<RunListQuery, true>({
  limit: limitParam(PAGE_DEFAULT, PAGE_MAX),
  cursor: cursorParam(),
})

export const runListAnswer = Joi.object({
  runs: Joi.array().items(runAnswer).required(),
  nextCursor: Joi.string(),
})
