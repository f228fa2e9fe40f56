import { openKeyring } from '#shared/keyring.ts'
import { createLogger } from '#shared/logger.ts'
import { readdirSync } from 'node:fs'
import path from 'node:path'
import { asTenant } from '#shared/scope.ts'
import { Registry } from 'prom-client'
import type { Test } from 'tap'
import { collector } from '../../test/collector.ts'
import { archiveRoot } from '../archive/files.ts'
import type { ArchivedReport } from '../archive/line.ts'
import { readManifest } from '../archive/manifest.ts'
import { readArchive } from '../archive/read.ts'
import { createLineSigner, unsigned } from '../archive/signature.ts'
import { systemClock, type Clock } from '../clock.ts'
import { createRetentionMetrics } from '../metrics.ts'
import { createRetention } from '../run.ts'

export const DAY_MS = 86_400_000

/** Every archive there is, as paths. */
export function archivesOf(dataDir: string): string[] {
  const root = archiveRoot(dataDir)
  const all = readdirSync(root, { recursive: true, encoding: 'utf8' })
  return all
    .filter((name) => name.endsWith('.ndjson.gz'))
    .sort()
    .map((name) => path.join(root, name))
}

/** The lines of an archive that is what its manifest says. */
export async function linesOf(file: string): Promise<string[]> {
  const lines: string[] = []
  for await (const page of readArchive(file, await readManifest(file), 100)) lines.push(...page)
  return lines
}

/** The reports in all archives, by id. */
export async function archived(dataDir: string): Promise<Map<string, ArchivedReport>> {
  const found = new Map<string, ArchivedReport>()
  for (const file of archivesOf(dataDir)) {
    for (const line of await linesOf(file)) {
      const report = JSON.parse(line) as ArchivedReport
      found.set(report.id, report)
    }
  }
  return found
}

/** A collector, and beside its own retention one whose clock goes as the test says. */
export async function retaining(t: Test, env: Record<string, string> = {}) {
  const service = await collector(t, { RETENTION_SCHEDULE: 'off', ...env })
  const { config, stores, writer, dataDir } = service
  let clock: Clock = systemClock
  const signer = createLineSigner(openKeyring(config))
  const retention = createRetention({
    store: stores.retention,
    writer,
    config,
    metrics: createRetentionMetrics([new Registry()]),
    logger: createLogger('collector', config),
    clock: () => clock(),
    signer,
  })
  t.teardown(retention.stop)
  const run = (payload?: object, url = '/admin/retention/run') =>
    service.ask(url, { method: 'POST', ...(payload === undefined ? {} : { payload }) })
  return {
    ...service,
    signer,
    /** A line as an archive of the tenant has it. */
    signed: (line: object | string, tenant = 'default') =>
      signer.signed(asTenant(tenant), unsigned(typeof line === 'string' ? line : JSON.stringify(line))),
    retention,
    setClock: (next: Clock) => (clock = next),
    run,
    archives: () => archivesOf(dataDir),
    archived: () => archived(dataDir),
    /** Stores a report of so many days ago. */
    ingestOld: (days: number, payload?: object, tenant?: string) =>
      service.ingestAt(Date.now() - days * DAY_MS, payload, tenant),
  }
}
