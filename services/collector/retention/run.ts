import { Problem } from '#shared/problem.ts'
import type { Logger } from '#shared/logger.ts'
import type { Tenant } from '#shared/scope.ts'
import { randomUUID } from 'node:crypto'
import type { CollectorConfig } from '../config.ts'
import type { Stores } from '../engine/engine.ts'
import type { Writer } from '../writer/queue.ts'
import type { LineSigner } from './archive/signature.ts'
import { createDisposal } from './disposal.ts'
import { dryRun, type DryRun } from './dry-run.ts'
import { jumpOf, markOf, type Clock, type ClockJump } from './clock.ts'
import { policyOf } from './policy.ts'
import { runFailure } from './refusals.ts'
import type { RetentionMetrics } from './metrics.ts'
import { runItem, type Run, type RunProgress } from './store.ts'

export interface RetentionParts {
  store: Stores['retention']
  writer: Writer
  config: CollectorConfig
  metrics: RetentionMetrics
  logger: Pick<Logger, 'info' | 'warn' | 'error'>
  clock: Clock
  /** Signs what goes into archives. */
  signer: LineSigner
}

export interface RunRequest {
  requestedBy: string
  /** Somebody vouches for the clock. */
  forceClock?: boolean
  /** Of the schedule: when it was due. */
  dueAt?: number
}

export type Retention = ReturnType<typeof createRetention>

const DAY_MS = 86_400_000
/** In one transaction. */
const HOLDS_LIFTED = 500
/** Words of a run in the time for which one is good. */
const HEARTBEATS = 4
const none = (): RunProgress => ({
  state: 'running',
  archived: 0,
  deleted: 0,
  kept: 0,
  reportBytes: 0,
  archiveBytes: 0,
  freedBytes: 0,
  files: [],
})

const clockRefused = ({ by, reason }: ClockJump) => {
  const [days, way] = [Math.round((10 * Math.abs(by)) / DAY_MS) / 10, by > 0 ? 'ahead' : 'behind']
  return new Problem('conflict', {
    detail: `The clock seems to be ${days} days ${way}: ${reason}. Nothing was deleted; if it is right, run with force_clock`,
    extensions: { clockJumpMs: by },
  })
}

/** Runs of retention: one at a time for a tenant, each of them resumable by doing it again. */
export function createRetention(parts: RetentionParts) {
  const { store, writer, config, metrics, logger, clock } = parts
  const owner = randomUUID()
  const stopping = new AbortController()
  const { signal } = stopping
  const dispose = createDisposal(parts, signal)
  const underWay = new Set<Promise<unknown>>()
  /** Ends of runs that could not be noted: nobody may begin another one before they are. */
  const unnoted = new Map<Tenant, () => Promise<void>>()
  const leaseMs = config.RETENTION_LEASE_S * 1000
  const leaseUntil = () => clock().now + leaseMs

  /** Everything that a run does, noted at its end, whatever that is. @throws Problem with what it did */
  async function perform(tenantId: Tenant, run: Run, archive: boolean): Promise<Run> {
    const progress = none()
    const note = () => writer.run('noteRetentionRun', tenantId, run.seq, progress, leaseUntil())
    const heartbeat = setInterval(() => void note().catch(() => {}), leaseMs / HEARTBEATS)
    let failure: Problem | undefined
    try {
      while ((await writer.run('liftHolds', tenantId, run.startedAt, HOLDS_LIFTED)) === HOLDS_LIFTED);
      await dispose(tenantId, run, archive, progress)
      progress.state = 'done'
    } catch (error) {
      progress.state = signal.aborted ? 'interrupted' : 'failed'
      failure = runFailure(error, signal.aborted)
      progress.error = failure.message
      logger.error({ err: error, tenantId, run: run.seq }, 'a retention run did not come to its end')
    }
    clearInterval(heartbeat)
    progress.finishedAt = clock().now
    metrics.ended(progress.state, progress.finishedAt)
    await note().catch((error: unknown) => {
      unnoted.set(tenantId, note)
      logger.warn({ err: error }, 'how a retention run ended was not noted; the next one does')
    })
    const done = { ...run, ...progress }
    if (failure === undefined) return done
    throw new Problem(failure.problem, {
      ...failure.options,
      detail: failure.message,
      extensions: { run: runItem(done) },
    })
  }

  /** What a run has to know before it begins. */
  async function prepare(tenantId: Tenant) {
    const reading = clock()
    const policy = policyOf(await store.policy(tenantId), config)
    const [marks, newest] = [await store.marks(tenantId), await store.newest(tenantId)]
    const cutoffTime = reading.now - policy.retainDays * DAY_MS
    return { reading, policy, marks, newest, cutoffTime, jump: jumpOf(reading, marks, newest) }
  }

  /**
   * Begins a run. @returns it, and a promise of its end; undefined when the schedule's was begun elsewhere
   * @throws Problem conflict (409) while one is under way, and when the clock cannot be believed
   */
  async function begin(tenantId: Tenant, { requestedBy, forceClock = false, dueAt }: RunRequest) {
    const { reading, policy, marks, newest, cutoffTime, jump } = await prepare(tenantId)
    const { retainDays, archive } = policy
    const isForced = jump !== undefined && forceClock
    const refusal = jump === undefined || isForced ? undefined : clockRefused(jump)
    const started = {
      requestedBy,
      forcedClock: isForced,
      retainDays,
      cutoffTime,
      startedAt: reading.now,
    }
    await unnoted.get(tenantId)?.()
    unnoted.delete(tenantId)
    const seq = await writer.run('startRetentionRun', tenantId, {
      ...started,
      owner,
      leaseUntil: leaseUntil(),
      ...(dueAt === undefined ? {} : { dueAt }),
      ...(refusal === undefined
        ? { mark: markOf(reading, marks, isForced ? { newest } : undefined) }
        : { refusal: refusal.message }),
    })
    if (seq === undefined) return undefined
    if (refusal !== undefined) {
      metrics.ended('failed', reading.now)
      throw refusal
    }
    if (isForced) logger.warn({ tenantId, requestedBy, ...jump }, 'a retention run was told to believe the clock')
    const run: Run = { seq, ...started, ...none() }
    const end = perform(tenantId, run, archive)
    underWay.add(end)
    void end.catch(() => {}).then(() => underWay.delete(end))
    return { run, end, isForced }
  }

  return {
    begin,
    /** What a run would do now; it changes nothing. */
    async dryRun(
      tenantId: Tenant,
    ): Promise<DryRun & { retainDays: number; cutoffTime: number; clockRefused?: string }> {
      const { policy, cutoffTime, jump } = await prepare(tenantId)
      return {
        retainDays: policy.retainDays,
        cutoffTime,
        ...(await dryRun(store, tenantId, cutoffTime)),
        ...(jump === undefined ? {} : { clockRefused: clockRefused(jump).message }),
      }
    },
    /** Notes that the clock goes on as it should, so that the time in which a machine was off can be told. */
    async followClock(tenantId: Tenant): Promise<void> {
      const { reading, marks, jump } = await prepare(tenantId)
      if (jump === undefined) await writer.run('markClock', tenantId, markOf(reading, marks))
      else logger.warn({ tenantId, ...jump }, 'the clock cannot be believed: retention will not run')
    },
    /** Notes of runs whose process was killed what became of them. */
    async recover(): Promise<void> {
      if (await store.isRunning()) await writer.run('interruptRetentionRuns', owner, clock().now)
    },
    /** Ends what is under way where that is safe, and waits for that. */
    async stop(): Promise<void> {
      stopping.abort()
      await Promise.allSettled(underWay)
    },
  }
}
