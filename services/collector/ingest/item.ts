import type { FieldError } from '#shared/problem.ts'
import type { Tenant } from '#shared/scope.ts'
import type { Once } from '#shared/writes.ts'
import type { Hold } from '../retention/holds/schema.ts'
import type { Severity } from './severity.ts'

/** A report as it came, on its way to the writer. */
export interface IngestItem {
  tenantId: Tenant
  /** JSON. */
  text: string
  /** Name of the schema that it is checked against; the known report's without it. */
  schema?: string
  once?: Once
  /** Of a report that was stored before: it comes back as it was, unless it is still there. */
  restored?: Restored
}

export interface Restored {
  id: string
  /** Milliseconds since 1970. */
  createdAt: number
  /** Of one from an archive. Without it, it is judged as a new one is. */
  known?: Known
  /** It is put on this hold when it is stored, and only then. */
  hold?: Hold
}

/**
 * What was stored of a report: it comes back so, whatever would be found today. Its findings were told of it when it came, and are
 * not told again.
 */
export interface Known {
  /** Milliseconds since 1970. */
  updatedAt: number
  severity?: Severity
  policyVersion?: string
  labels?: Record<string, unknown>
  /** What does not fit its schema: with any, it is in quarantine. */
  errors: FieldError[]
}

/** What became of it. */
export type ItemOutcome =
  | { status: 'stored'; id: string; counted: Counted }
  /** Kept as it came, with what is wrong with it; in no finding. */
  | { status: 'quarantined'; id: string; counted: Counted; errors: FieldError[] }
  /** The same report was there already: nothing was stored. */
  | { status: 'duplicate'; id: string }
  /** Not a report at all. */
  | { status: 'rejected'; errors: FieldError[] }

/** What the metrics say of a stored report. */
export interface Counted {
  severity: Severity | undefined
  bytes: number
  labelsDropped: number
  /** What it says of findings and is recorded in none. */
  findingsDropped: number
}
