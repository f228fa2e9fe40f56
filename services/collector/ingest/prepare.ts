import { describeFault, faultField, jsonFault, type JsonLimits } from '#shared/json-limits.ts'
import type { FieldError } from '#shared/problem.ts'
import { hash } from 'node:crypto'
import type { CollectorConfig } from '../config.ts'
import type { Validators } from '../schemas/validators.ts'
import type { IngestItem } from './item.ts'
import { sightingsOf } from '../findings/fingerprint.ts'
import { evaluationsOf } from './evaluations.ts'
import { saidBy } from '../search/terms.ts'
import { allowedLabels, labelsOf } from './labels.ts'
import { jsonRefusal } from './places.ts'
import { newReportId } from './report-id.ts'
import { policyVersionOf, severityOf } from './severity.ts'
import type { NewReport } from './store.ts'

/** 128 bits: the same report by accident is out of the question, and a tenant could only deceive itself. */
const HASH_BYTES = 16

/** What two reports have in common that are the same. */
export const contentHash = (report: string, markdown: string | null | undefined): Buffer =>
  hash('sha256', markdown ? `${report}\n${markdown}` : report, 'buffer').subarray(0, HASH_BYTES)

export type Prepared = { report: NewReport } | { refused: FieldError[] }

const refused = (field: string, message: string): Prepared => ({ refused: [{ in: 'body', field, message }] })

/** What a report must be to be one at all; everything else is a matter of its schema. */
function shapeFault(value: unknown): Prepared | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refused('', 'must be an object')
  const { status, markdown } = value as Record<string, unknown>
  if (status === undefined) return refused('status', 'status is required')
  if (typeof status !== 'object' || status === null || Array.isArray(status)) {
    return refused('status', 'status must be an object')
  }
  if (markdown !== undefined && markdown !== null && typeof markdown !== 'string') {
    return refused('markdown', 'markdown must be a text')
  }
  return undefined
}

/** Makes of a report as it came what is stored of it: everything that needs no database but the schemas. */
export function createPreparation(config: CollectorConfig, validators: Validators) {
  const limits: JsonLimits = {
    depth: config.JSON_MAX_DEPTH,
    keys: config.JSON_MAX_KEYS,
    string: config.REPORT_STRING_MAX,
    number: config.REPORT_NUMBER_MAX,
  }
  const allowed = allowedLabels(config.LABEL_ALLOWLIST)

  /** @param now milliseconds since 1970 */
  return ({ tenantId, text, schema, once, restored }: IngestItem, now: number): Prepared => {
    let value: unknown
    try {
      value = JSON.parse(text)
    } catch (error) {
      return refused('', jsonRefusal(text, (error as Error).message))
    }
    const fault = jsonFault(value, limits)
    if (fault !== undefined) {
      const field = faultField(value, fault, limits)
      return refused(field, `${field} ${describeFault(fault, limits)}`.trimStart())
    }
    const misshapen = shapeFault(value)
    if (misshapen !== undefined) return misshapen
    const { markdown, ...report } = value as {
      markdown?: string | null
      policy?: unknown
      labels?: unknown
      notes?: unknown
    }
    const known = restored?.known
    const validator = known === undefined ? validators.get(tenantId, schema) : undefined
    if (known === undefined && validator === undefined) return refused('', `there is no schema ${schema}`)
    const errors = known?.errors ?? validator?.validate(report) ?? []
    const { kept, dropped } =
      known === undefined ? labelsOf(report.labels, allowed) : { kept: known.labels, dropped: 0 }
    const stored = JSON.stringify(report)
    const spoken = sightingsOf(evaluationsOf(report.policy))
    return {
      report: {
        id: restored?.id ?? newReportId(now),
        isRestored: restored !== undefined,
        hold: restored?.hold,
        tenantId,
        createdAt: restored?.createdAt ?? now,
        updatedAt: known?.updatedAt ?? restored?.createdAt ?? now,
        severity: known === undefined ? severityOf(report.policy) : known.severity,
        policyVersion: known === undefined ? policyVersionOf(report.policy) : known.policyVersion,
        markdown: markdown || undefined,
        report: stored,
        hash: contentHash(stored, markdown),
        errors,
        // Nobody knows what a report means that does not fit.
        sightings: errors.length === 0 ? spoken : [],
        said: saidBy(spoken, report.notes),
        keptLabels: kept,
        isKnown: known !== undefined,
        schemaName: schema,
        labels: kept === undefined ? undefined : JSON.stringify(kept),
        labelsDropped: dropped,
        once,
      },
    }
  }
}
