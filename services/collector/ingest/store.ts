import type { Database } from '#shared/database.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Severity } from './severity.ts'

export interface NewReport {
  id: string
  /** Milliseconds since 1970. */
  createdAt: number
  severity: Severity | undefined
  policyVersion: string | undefined
  markdown: string | undefined
  /** JSON text. */
  report: string
}

export type IngestStore = ReturnType<typeof createIngestStore>

export function createIngestStore(db: Database) {
  const insert = db.prepare(
    `INSERT INTO reports (id, tenantId, createdAt, updatedAt, severity, policyVersion, markdown, report)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
  )
  return {
    add(tenantId: Tenant, { id, createdAt, severity, policyVersion, markdown, report }: NewReport): void {
      insert.run(id, tenantId, createdAt, createdAt, severity, policyVersion, markdown, report)
    },
  }
}
