import { openKeyring } from '#shared/keyring.ts'
import { createKeyRotation } from '#shared/key-rotation.ts'
import type { Logger } from '#shared/logger.ts'
import { Problem } from '#shared/problem.ts'
import { createWrites, REMEMBERED_ANSWERS, type Answer } from '#shared/writes.ts'
import { parentPort, workerData, type MessagePort } from 'node:worker_threads'
import type { IngestItem, ItemOutcome } from '../ingest/item.ts'
import { createPreparation } from '../ingest/prepare.ts'
import type { NewReport } from '../ingest/store.ts'
import { openCollectorDatabase } from '../migrations.ts'
import { dayOf } from '../tenants/quota.ts'
import { createTenantStore } from '../tenants/store.ts'
import { changedTenants } from './changed.ts'
import { createCommands } from './commands.ts'
import { failureOf, type FromWriter, type Outcome, type SentCommand } from './protocol.ts'
import type { WriterAnswer, WriterData, WriterRequest } from './protocol.ts'

const HOUR_MS = 3_600_000
const SWEEP_BATCH = 500
const CACHE_KIB = 8192
/** 16 MB of a write-ahead log, which is what is kept of one. */
const CHECKPOINT_PAGES = 4000

const port = parentPort as MessagePort
const { config } = workerData as WriterData
const tell = (message: FromWriter) => port.postMessage(message)
const log = (level: 'error' | 'info') => (fields: Record<string, unknown>, message: string) => {
  const { err, ...rest } = fields
  tell({ log: level, fields: err instanceof Error ? { ...rest, reason: err.stack } : rest, message })
}
const logger = { info: log('info'), error: log('error') } as Pick<Logger, 'info' | 'error'> as Logger

const db = openCollectorDatabase(config)
// Writes of a group are spread over the indexes: pages are kept, and written back once for many groups, not every few.
db.pragma(`cache_size = -${CACHE_KIB}`)
db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`)
const keyring = openKeyring(config)
const writes = createWrites(db, config, {
  keyring,
  onDiskFailure: (error) => tell({ diskFailure: error.stack ?? error.message }),
})
const { commands, ingest, validators } = createCommands(db, config, writes.once)
const tenants = createTenantStore(db)
const prepare = createPreparation(config, validators)
const rotation = createKeyRotation({ db, writes, keyring, columns: [REMEMBERED_ANSWERS], logger })

const failed = (error: unknown): { failure: ReturnType<typeof failureOf> } => ({ failure: failureOf(error) })

/** All of them in one savepoint; when one is at fault, each on its own, so that the others do not suffer. */
async function store(reports: readonly NewReport[]): Promise<Outcome<ItemOutcome>[]> {
  try {
    return (await writes.run(() => ingest.add(reports))).map((value) => ({ value }))
  } catch (error) {
    const isEverybodys = error instanceof Problem && error.problem !== 'idempotency-mismatch'
    if (reports.length === 1 || isEverybodys) return reports.map(() => failed(error))
    return (await Promise.all(reports.map((report) => store([report])))).flat()
  }
}

async function ingestAll(items: readonly IngestItem[]): Promise<Outcome<ItemOutcome>[]> {
  if (items.length === 0) return []
  const now = Date.now()
  const prepared = items.map((item) => prepare(item, now))
  const reports = prepared.flatMap((one) => ('report' in one ? [one.report] : []))
  const stored = (reports.length === 0 ? [] : await store(reports)).values()
  return prepared.map((one) =>
    'refused' in one
      ? { value: { status: 'rejected', errors: one.refused } }
      : (stored.next().value as Outcome<ItemOutcome>),
  )
}

async function perform({ name, args, owner, once }: SentCommand): Promise<Outcome<unknown>> {
  const command = commands[name as keyof typeof commands] as (...given: readonly unknown[]) => unknown
  const run = () => command(...args)
  try {
    return {
      value: owner === undefined ? await writes.run(run) : await writes.perform(owner, once, run as () => Answer),
    }
  } catch (error) {
    return failed(error)
  }
}

/** What came together is written in one transaction, unless it is too much for one, and answered together. */
async function answer(request: WriterRequest): Promise<WriterAnswer> {
  const { items, commands: sent } = request
  const [ingested, performed] = await Promise.all([ingestAll(items), Promise.all(sent.map(perform))])
  // One of the commands may have made a schema, or failed to.
  if (sent.length > 0) validators.refresh()
  const day = dayOf(Date.now())
  const outcomes = { items: ingested, commands: performed }
  const standings = [...new Set(changedTenants(request, outcomes))].map((tenant) => tenants.standing(tenant, day))
  return { ...outcomes, standings }
}

async function sweep(): Promise<void> {
  const forgetSome = () => commands.forgetContents(Date.now(), SWEEP_BATCH)
  while ((await writes.run(forgetSome).catch(() => 0)) === SWEEP_BATCH);
  const forgetBuckets = () => commands.forgetFineBuckets(Date.now(), SWEEP_BATCH)
  while ((await writes.run(forgetBuckets).catch(() => 0)) === SWEEP_BATCH);
}
const sweeper = setInterval(() => void sweep(), HOUR_MS)

async function stop(): Promise<void> {
  clearInterval(sweeper)
  writes.stop()
  await rotation.stop()
  db.close()
  port.close()
}

port.on('message', (request: WriterRequest | 'stop') => {
  if (request === 'stop') void stop()
  else void answer(request).then((answered) => tell({ answer: answered }))
})
rotation.run().catch((error: unknown) => {
  logger.error({ err: error }, 'the rotation of keys stopped; it goes on at the next start')
})
tell({ ready: true })
