import type { Tenant } from '#shared/scope.ts'
import type { Sighting } from '../findings/fingerprint.ts'
import type { NewReport } from '../ingest/store.ts'
import type { Countable } from '../rollups/tally.ts'
import type { Statement } from './sql.ts'
import type { Transaction } from './transaction.ts'

/** A report that is deleted in this transaction. */
export interface GoneReport extends Countable {
  id: string
  /** Its place in the order of arrival. */
  seq: number
  /** Of its text and its markdown. */
  bytes: number
}

/** A report that leaves the quarantine in this transaction. */
export interface ReleasedReport extends Countable {
  id: string
  seq: number
  /** What it says of findings. */
  sightings: readonly Sighting[]
}

/**
 * What keeps something of every report beside the report itself, in the same transaction: findings, counts, what reports are found
 * by. A write is of one tenant. When reports come in, everything that all parts have to know is asked for in one message.
 */
export interface ReportPart {
  load?(tenantId: Tenant, reports: readonly NewReport[]): readonly (Statement | undefined)[]
  /** @param loaded the rows of each statement of `load` */
  session(
    tenantId: Tenant,
    loaded: readonly (readonly unknown[])[],
  ): {
    /**
     * A report is stored.
     * @param seq its place in the order of arrival
     * @returns what it says of findings and is recorded in none, of who records them
     */
    add(report: NewReport, seq: number): number | void
    /** After the last one. */
    store(tx: Transaction): void | Promise<void>
  }
  gone?(tx: Transaction, tenantId: Tenant, reports: readonly GoneReport[]): void | Promise<void>
  released?(tx: Transaction, tenantId: Tenant, reports: readonly ReleasedReport[]): void | Promise<void>
}
