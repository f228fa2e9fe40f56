import type { Database } from '#shared/database.ts'
import { crc32 } from 'node:zlib'
import { createSeen } from './seen.ts'

const HOUR_MS = 3_600_000
const TAG_BYTES = 4
/** Of a report that is not to be found by its content. */
export const NO_TAG = 0

/** Tells contents of tenants apart until they are compared. */
export const tagOf = (tenantId: string, hash: Buffer): number => (hash.readUInt32LE(0) ^ crc32(tenantId)) >>> 0

export interface ContentsConfig {
  INGEST_DEDUPE_HOURS: number
  INGEST_DEDUPE_MAX: number
}

export interface Content {
  tenantId: string
  report: string
  markdown: string | undefined
}

export type Contents = ReturnType<typeof createContents>

/**
 * Which report has a content, for the time in which the same is stored only once. On disk there is one row for each write, with
 * the tags of its reports, which are numbered one after the other: an index by content would cost a page for every report. It is
 * searched in memory, and what is found is compared in full.
 */
export function createContents(db: Database, config: ContentsConfig) {
  const { INGEST_DEDUPE_HOURS: hours, INGEST_DEDUPE_MAX: max } = config
  const seen = createSeen(max)
  const note = db.prepare('INSERT OR REPLACE INTO report_hashes (firstSeq, createdAt, tags) VALUES (?, ?, ?)')
  const same = db
    .prepare<[number, string, string, string | null], string>(
      'SELECT id FROM reports WHERE seq = ? AND tenantId = ? AND report = ? AND markdown IS ?',
    )
    .pluck()
  const writtenAt = db
    .prepare<[number], number>('SELECT createdAt FROM report_hashes WHERE firstSeq <= ? ORDER BY firstSeq DESC LIMIT 1')
    .pluck()
  const forget = db.prepare<[number, number]>(
    'DELETE FROM report_hashes WHERE firstSeq IN (SELECT firstSeq FROM report_hashes ORDER BY firstSeq LIMIT ?) AND createdAt <= ?',
  )
  const kept = db.prepare<[number], { firstSeq: number; createdAt: number; tags: Buffer }>(
    'SELECT firstSeq, createdAt, tags FROM report_hashes WHERE createdAt > ? ORDER BY firstSeq',
  )
  const cutoffAt = (now: number) => now - hours * HOUR_MS

  for (const { firstSeq, createdAt, tags } of kept.iterate(cutoffAt(Date.now()))) {
    for (let at = 0; at < tags.length; at += TAG_BYTES) {
      const tag = tags.readUInt32LE(at)
      if (tag !== NO_TAG) seen.add(tag, firstSeq + at / TAG_BYTES, createdAt)
    }
  }

  return {
    /** What one write adds; `apply` stores it, within the same transaction. One that is undone leaves tags of nobody. */
    session(now: number) {
      let firstSeq = Infinity
      const tags: number[] = []
      return {
        /** The id of the report that has this content already. */
        holder(tag: number, { tenantId, report, markdown }: Content): string | undefined {
          return seen.find(tag, (seq) => {
            const at = seq >= firstSeq ? now : writtenAt.get(seq)
            if (at === undefined || at <= cutoffAt(now)) return undefined
            return same.get(seq, tenantId, report, markdown ?? null)
          })
        },
        /** To be called for every report that is stored; `NO_TAG` is for one that is not to be found by its content. */
        add(seq: number, tag: number): void {
          firstSeq = Math.min(firstSeq, seq)
          tags.push(tag)
          if (tag !== NO_TAG) seen.add(tag, seq, now)
        },
        apply(): void {
          if (tags.every((tag) => tag === NO_TAG)) return
          const bytes = Buffer.alloc(tags.length * TAG_BYTES)
          tags.forEach((tag, at) => bytes.writeUInt32LE(tag, at * TAG_BYTES))
          note.run(firstSeq, now, bytes)
        },
      }
    },
    /** Forgets what is past its time, at most `limit` writes; @returns how many */
    forget(now: number, limit: number): number {
      seen.forget(cutoffAt(now))
      return forget.run(limit, cutoffAt(now)).changes
    },
  }
}
