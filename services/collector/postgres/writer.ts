import type { Keyring } from '#shared/keyring.ts'
import type { Logger } from '#shared/logger.ts'
import { Problem } from '#shared/problem.ts'
import { asTenant, type Tenant } from '#shared/scope.ts'
import type { Answer } from '#shared/writes.ts'
import type { CollectorConfig } from '../config.ts'
import type { IngestItem, ItemOutcome } from '../ingest/item.ts'
import { createPostgresIngest } from '../ingest/postgres.ts'
import { createPreparation } from '../ingest/prepare.ts'
import type { NewReport } from '../ingest/store.ts'
import { createLoadedValidators } from '../schemas/postgres-validators.ts'
import { createPostgresTenants } from '../tenants/postgres.ts'
import { dayOf } from '../tenants/quota.ts'
import type { Standing } from '../tenants/store.ts'
import { newVersion } from '../versions/postgres.ts'
import { changedTenants } from '../writer/changed.ts'
import { SILENT_COMMANDS } from '../writer/commands.ts'
import {
  failureOf,
  type Failure,
  type Outcome,
  type SentCommand,
  type WriterAnswer,
  type WriterRequest,
} from '../writer/protocol.ts'
import type { WriterBackend } from '../writer/queue.ts'
import { createPostgresCommands, EVERY_TENANT_COMMANDS } from './commands.ts'
import { problemOf } from './faults.ts'
import { performOnce } from './idempotency.ts'
import { reportParts } from './parts.ts'
import type { Partitions } from './partitions.ts'
import { EVERY_TENANT, type Pool, type Scope } from './pool.ts'
import { transaction, type Transaction } from './transaction.ts'

interface WriterParts {
  config: CollectorConfig
  pool: Pool
  keyring: Keyring
  partitions: Partitions
  shard: number
  logger: Logger
  /** Told after a commit which tenants read something else now. */
  onChange(tenants: readonly Tenant[]): void
}

const HOUR_MS = 3_600_000

type Command = (tx: Transaction, ...args: readonly unknown[]) => Promise<unknown>

/** Of a report whose month cannot be made any more. */
const NO_MONTH: Outcome<ItemOutcome> = {
  value: {
    status: 'rejected',
    errors: [{ in: 'body', field: 'createdAt', message: 'there are reports of too many months' }],
  },
}

const failed = (error: unknown): { failure: Failure } => ({ failure: failureOf(problemOf(error)) })
const isCounted = (outcome: Outcome<ItemOutcome>) => 'value' in outcome && 'counted' in outcome.value

/** Whose rows a command sees: all tenants', or those of the one that it is done for. */
const scopeOf = ({ name, owner, args }: SentCommand): Scope =>
  EVERY_TENANT_COMMANDS.has(name) ? EVERY_TENANT : asTenant(owner ?? String(args[0]))

/** What writes on PostgreSQL: a transaction for the reports of each tenant, side by side, and then one for all commands. */
export function createPostgresWriter({
  config,
  pool,
  keyring,
  partitions,
  shard,
  onChange,
}: WriterParts): WriterBackend {
  const validators = createLoadedValidators()
  const prepare = createPreparation(config, validators)
  /** How each tenant stands after what is being stored for it. */
  const noted = new Map<Tenant, Standing>()
  const parts = reportParts({ config, shard, note: (standing) => noted.set(standing.tenantId, standing) })
  const ingest = createPostgresIngest({ config, keyring, parts })
  const commands = createPostgresCommands({ config, validators, parts, shard })
  const tenants = createPostgresTenants(pool)
  const once = { keyring, ttlMs: config.IDEMPOTENCY_TTL_HOURS * HOUR_MS }

  /** All of them at once; when one is at fault, half and half, so that the others do not suffer. */
  async function store(tenant: Tenant, reports: readonly NewReport[]): Promise<Outcome<ItemOutcome>[]> {
    try {
      const roomless = await partitions.ensure([...new Set(reports.map(({ createdAt }) => createdAt))])
      if (roomless.size > 0) {
        const fit = reports.filter(({ createdAt }) => !roomless.has(createdAt))
        const stored = (fit.length === 0 ? [] : await store(tenant, fit)).values()
        return reports.map(({ createdAt }) =>
          roomless.has(createdAt) ? NO_MONTH : (stored.next().value as Outcome<ItemOutcome>),
        )
      }
      return await transaction(pool, tenant, async (tx) => {
        const outcomes = await ingest(tx, tenant, reports)
        if (outcomes.some(isCounted)) tx.later(newVersion(tenant, shard))
        return outcomes
      })
    } catch (error) {
      if (reports.length === 1 || error instanceof Problem) return reports.map(() => failed(error))
      const half = Math.ceil(reports.length / 2)
      return [...(await store(tenant, reports.slice(0, half))), ...(await store(tenant, reports.slice(half)))]
    }
  }

  async function ingestAll(items: readonly IngestItem[]): Promise<Pick<WriterAnswer, 'items' | 'standings'>> {
    if (items.length === 0) return { items: [] }
    await validators.load(pool, items)
    const now = Date.now()
    const outcomes: Outcome<ItemOutcome>[] = []
    const fit = items.flatMap((item, at) => {
      const prepared = prepare(item, now)
      if ('report' in prepared) return [{ at, report: prepared.report }]
      outcomes[at] = { value: { status: 'rejected', errors: prepared.refused } }
      return []
    })
    const changed: Tenant[] = []
    const standings: Standing[] = []
    await Promise.all(
      [...Map.groupBy(fit, ({ report }) => report.tenantId)].map(async ([tenant, own]) => {
        const stored = await store(
          tenant,
          own.map(({ report }) => report),
        )
        own.forEach(({ at }, index) => (outcomes[at] = stored[index] as Outcome<ItemOutcome>))
        if (stored.some(isCounted)) changed.push(tenant)
        // What was noted for reports that could not be stored is not so.
        const standing = noted.get(tenant)
        if (standing !== undefined && stored.every((outcome) => 'value' in outcome)) standings.push(standing)
        noted.delete(tenant)
      }),
    )
    onChange(changed)
    return { items: outcomes, standings }
  }

  async function perform(tx: Transaction, sent: SentCommand): Promise<unknown> {
    const { name, args, owner } = sent
    const scope = scopeOf(sent)
    const command = commands[name as keyof typeof commands] as Command
    tx.actAs(scope)
    const write = async () => {
      const value = await command(tx, ...args)
      if (scope !== EVERY_TENANT && !SILENT_COMMANDS.has(name)) tx.later(newVersion(scope, shard))
      return value
    }
    if (owner === undefined || sent.once === undefined) return write()
    return performOnce(tx, sent.once, once, write as () => Promise<Answer>)
  }

  async function performAll(sent: readonly SentCommand[]): Promise<Outcome<unknown>[]> {
    if (sent.length === 0) return []
    const outcomes = await transaction(pool, EVERY_TENANT, async (tx) => {
      const done: Outcome<unknown>[] = []
      for (const command of sent) {
        const outcome = tx.alone(() => perform(tx, command)).then((value) => ({ value }))
        done.push(
          await outcome.catch((error: unknown) => (tx.isOver(error) ? Promise.reject(error as Error) : failed(error))),
        )
      }
      return done
    })
    const changed = sent.filter(
      (command, at) =>
        !SILENT_COMMANDS.has(command.name) && scopeOf(command) !== EVERY_TENANT && 'value' in (outcomes[at] as object),
    )
    onChange([...new Set(changed.map((command) => scopeOf(command) as Tenant))])
    return outcomes
  }

  /** How the tenants stand that commands are about; what cannot be read now is read when it is needed. */
  async function afterCommands(sent: readonly SentCommand[]): Promise<Standing[]> {
    const changed = new Set(changedTenants({ items: [], commands: sent }))
    const day = dayOf(Date.now())
    const read = [...changed].map((tenant) => tenants.standing(tenant, day).catch(() => undefined))
    return (await Promise.all(read)).filter((standing) => standing !== undefined)
  }

  return {
    async write({ items, commands: sent }: WriterRequest): Promise<WriterAnswer> {
      const ingested = await ingestAll(items)
      // Reports are stored by now, whatever becomes of the commands.
      const performed = await performAll(sent).catch((error: unknown) => sent.map(() => failed(error)))
      return {
        ...ingested,
        commands: performed,
        standings: [...(ingested.standings ?? []), ...(await afterCommands(sent))],
      }
    },
    stop: async () => undefined,
  }
}
