import type { Tenant } from '#shared/scope.ts'
import { describeFault, jsonFault, type JsonLimits } from '#shared/json-limits.ts'
import { isUtf8 } from 'node:buffer'
import type { CollectorConfig } from '../../config.ts'
import type { IngestItem } from '../../ingest/item.ts'
import { archivedReport, type ArchivedReport } from '../archive/line.ts'
import type { LineSigner } from '../archive/signature.ts'
import type { Hold } from '../holds/schema.ts'

export type Line = { report: ArchivedReport } | { id?: string; message: string }

const DAY_MS = 86_400_000
/** Of what is said of a line that is no report: it may quote it. */
const MESSAGE_MAX_LENGTH = 500

const told = (message: string) => message.replaceAll('"', '').toWellFormed().slice(0, MESSAGE_MAX_LENGTH)

type ReaderConfig = Pick<
  CollectorConfig,
  | 'JSON_MAX_DEPTH'
  | 'JSON_MAX_KEYS'
  | 'REPORT_NUMBER_MAX'
  | 'REPORT_STRING_MAX'
  | 'RETENTION_RESTORE_MONTHS_MAX'
  | 'RETENTION_RESTORE_OLDEST_DAYS'
>

const UNSIGNED = 'is not signed, or not for this tenant, or with a key that is not there any more'

interface ReaderParts {
  tenantId: Tenant
  config: ReaderConfig
  signer: Pick<LineSigner, 'contentOf'>
  /** Milliseconds since 1970. */
  now: number
}

/**
 * Reads the lines of one request, of which only those count that the collector signed for the tenant. Where a report is in time is bounded: what came from a future would stop retention, and
 * PostgreSQL makes a table for each month.
 */
export function createLineReader({ tenantId, config, signer, now }: ReaderParts) {
  const oldest = now - config.RETENTION_RESTORE_OLDEST_DAYS * DAY_MS
  const newest = now + DAY_MS
  const limits: JsonLimits = {
    depth: config.JSON_MAX_DEPTH,
    keys: config.JSON_MAX_KEYS,
    string: config.REPORT_STRING_MAX,
    number: config.REPORT_NUMBER_MAX,
  }
  const months = new Set<string>()

  function timeFault({ createdAt, updatedAt }: ArchivedReport): string | undefined {
    if (createdAt > newest || updatedAt > newest) return 'it is from the future'
    if (createdAt < oldest)
      return `it is older than RETENTION_RESTORE_OLDEST_DAYS (${config.RETENTION_RESTORE_OLDEST_DAYS})`
    const month = new Date(createdAt).toISOString().slice(0, 'yyyy-mm'.length)
    if (!months.has(month) && months.size >= config.RETENTION_RESTORE_MONTHS_MAX) {
      return `the request has reports of more months than RETENTION_RESTORE_MONTHS_MAX (${config.RETENTION_RESTORE_MONTHS_MAX})`
    }
    months.add(month)
    return undefined
  }

  return (bytes: Buffer): Line => {
    if (!isUtf8(bytes)) return { message: 'is not valid UTF-8' }
    const content = signer.contentOf(tenantId, bytes.toString().trimEnd())
    if (content === undefined) return { message: UNSIGNED }
    let value: unknown
    try {
      value = JSON.parse(content)
    } catch (error) {
      return { message: `is not JSON: ${told((error as Error).message)}` }
    }
    // The report and its page are looked at when they are stored, as those are that come for the first time.
    const { report: _report, markdown: _markdown, ...beside } = Object(value) as Record<string, unknown>
    const fault = jsonFault(beside, limits)
    if (fault !== undefined) return { message: describeFault(fault, limits) }
    const { error, value: report } = archivedReport.validate(value)
    if (error !== undefined) return { message: told(error.message) }
    const message = timeFault(report)
    return message === undefined ? { report } : { id: report.id, message }
  }
}

/** What a line is stored as. */
export function itemOf(tenantId: Tenant, archived: ArchivedReport, hold: Hold | undefined): IngestItem {
  const { id, createdAt, updatedAt, severity, policyVersion, schemaName, labels, state, errors = [] } = archived
  const { markdown, report } = archived
  return {
    tenantId,
    text: JSON.stringify(markdown === undefined ? report : { ...report, markdown }),
    ...(schemaName === undefined ? {} : { schema: schemaName }),
    restored: {
      id,
      createdAt,
      known: {
        updatedAt,
        ...(severity === undefined ? {} : { severity }),
        ...(policyVersion === undefined ? {} : { policyVersion }),
        ...(labels === undefined ? {} : { labels }),
        errors: state === 'stored' ? [] : errors,
      },
      ...(hold === undefined ? {} : { hold }),
    },
  }
}
