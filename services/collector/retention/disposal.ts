import type { Tenant } from '#shared/scope.ts'
import { randomBytes } from 'node:crypto'
import { archiveNext, PAGE_BYTES, PAGE_REPORTS, type Expendable } from './archive-reports.ts'
import type { Place } from './archive/write.ts'
import { createPace } from './pace.ts'
import { patiently } from './patience.ts'
import type { RetentionParts } from './run.ts'
import type { Run, RunProgress } from './store.ts'

const BEGINNING: Place = [-1, -1]
const LABEL_BYTES = 3

type DisposalParts = Pick<RetentionParts, 'store' | 'writer' | 'config' | 'metrics' | 'signer'>

/** What a run does to reports: `progress` says at any time how far it has come. */
export function createDisposal({ store, writer, config, metrics, signer }: DisposalParts, signal: AbortSignal) {
  async function remove(tenantId: Tenant, expendable: readonly Expendable[], progress: RunProgress): Promise<void> {
    const { RETENTION_CHUNK: chunk } = config
    const rest = createPace(signal)
    for (let at = 0; at < expendable.length; at += chunk) {
      signal.throwIfAborted()
      const some = expendable.slice(at, at + chunk)
      const deleted = await patiently(() => writer.run('removeUnchanged', tenantId, some), signal)
      progress.deleted += deleted
      metrics.deleted.inc(deleted)
      await rest()
    }
  }

  async function archiveAndRemove(tenantId: Tenant, run: Run, progress: RunProgress): Promise<void> {
    const stamp = `${new Date(run.startedAt).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`
    const label = `${stamp}-${randomBytes(LABEL_BYTES).toString('hex')}`
    let place = BEGINNING
    for (let number = 1; ; number++) {
      const archived = await archiveNext(place, {
        store,
        dataDir: config.DATA_DIR,
        tenantId,
        cutoffTime: run.cutoffTime,
        label: `${label}-${number}`,
        now: run.startedAt,
        maxBytes: config.RETENTION_ARCHIVE_MAX_BYTES,
        signer,
        signal,
      })
      if (archived === undefined) return
      const { manifest, name, expendable, last } = archived
      progress.files.push(name)
      progress.archived += manifest.reports
      progress.reportBytes += manifest.contentBytes
      progress.archiveBytes += manifest.bytes
      metrics.archivedBytes.inc(manifest.bytes)
      const before = progress.deleted
      await remove(tenantId, expendable, progress)
      progress.kept += manifest.reports - (progress.deleted - before)
      place = last
    }
  }

  async function removeOnly(tenantId: Tenant, { cutoffTime }: Run, progress: RunProgress): Promise<void> {
    for (let place = BEGINNING; ;) {
      const rows = await store.old(tenantId, cutoffTime, place, PAGE_REPORTS, PAGE_BYTES)
      const last = rows.at(-1)
      if (last === undefined) return
      place = [last.createdAt, last.seq]
      await remove(
        tenantId,
        rows.map(({ id, updatedAt }) => [id, updatedAt] as const),
        progress,
      )
    }
  }

  async function freeSpace(progress: RunProgress): Promise<void> {
    const rest = createPace(signal)
    for (let isMore = progress.deleted > 0; isMore;) {
      signal.throwIfAborted()
      const freed = await patiently(() => writer.run('freeSpace'), signal)
      progress.freedBytes += freed.bytes
      isMore = freed.isMore
      await rest()
    }
  }

  /** Archives a tenant's old reports, if that is wanted, and deletes them with what belongs to them. */
  return async (tenantId: Tenant, run: Run, archive: boolean, progress: RunProgress): Promise<void> => {
    await (archive ? archiveAndRemove : removeOnly)(tenantId, run, progress)
    const { RETENTION_CHUNK: chunk } = config
    const removeFindings = () => writer.run('removeFindingsBefore', tenantId, run.cutoffTime, chunk)
    // Findings that nobody spoke of since then go with the reports, and so does what happened to others before.
    while ((await patiently(removeFindings, signal)) === chunk) signal.throwIfAborted()
    await freeSpace(progress)
  }
}
