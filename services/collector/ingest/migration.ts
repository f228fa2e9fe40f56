import type { Migration } from '#shared/database.ts'
import { tagOf } from './contents.ts'

interface Known {
  seq: number
  tenantId: string
  hash: Buffer
  createdAt: number
}

/** Contents are known by the tags of each write, in the order of the reports, not by an index of all hashes. */
export const APPENDED_HASHES: Migration = (db) => {
  const known = db
    .prepare<[], Known>(
      `SELECT seq, known.tenantId, hash, known.createdAt FROM report_hashes AS known JOIN reports ON id = reportId`,
    )
    .all()
  db.exec(`DROP TABLE report_hashes;
    -- Reports from firstSeq on, four bytes for each.
    CREATE TABLE report_hashes (firstSeq INTEGER PRIMARY KEY, createdAt INTEGER NOT NULL, tags BLOB NOT NULL)`)
  const insert = db.prepare('INSERT INTO report_hashes VALUES (?, ?, ?)')
  for (const { seq, tenantId, hash, createdAt } of known) {
    const tag = Buffer.alloc(4)
    tag.writeUInt32LE(tagOf(tenantId, hash))
    insert.run(seq, createdAt, tag)
  }
}
