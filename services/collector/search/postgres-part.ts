import type { CollectorConfig } from '../config.ts'
import { given, type Column } from '../postgres/bulk.ts'
import type { ReportPart } from '../postgres/report-part.ts'
import { columns, sql } from '../postgres/sql.ts'
import type { Transaction } from '../postgres/transaction.ts'
import { namesOn, seriesOfWrite, type NamesRow } from '../rollups/postgres-series.ts'
import { countedBy } from './terms.ts'
import { countedIn, countedText, foundBy, QUARANTINED, type Text } from './postgres-terms.ts'

interface Row {
  tenantId: string
  seq: number
  createdAt: number
  terms: number[]
  counted: string
}

/** Arrays do not go over in an array: they are text in between. */
const arrayText = (values: readonly (string | number)[]): string => `{${values.join(',')}}`

const ROWS: readonly Column<Row>[] = [
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'seq', type: 'bigint', of: ({ seq }) => seq },
  { name: 'createdAt', type: 'bigint', of: ({ createdAt }) => createdAt },
  { name: 'terms', type: 'text', of: ({ terms }) => arrayText(terms) },
  { name: 'counted', type: 'text', of: ({ counted }) => counted },
]
type Said = Text & { reports: number }
const TEXTS: readonly Column<Said>[] = [
  { name: 'term', type: 'bigint', of: ({ term }) => term },
  { name: 'body', type: 'text', of: ({ body }) => body },
  { name: 'grams', type: 'text', of: ({ grams }) => arrayText(grams) },
  { name: 'reports', type: 'bigint', of: ({ reports }) => reports },
]
const COUNTS: readonly Column<[term: number, reports: number]>[] = [
  { name: 'term', type: 'bigint', of: ([term]) => term },
  { name: 'reports', type: 'bigint', of: ([, reports]) => reports },
]

function storeTexts(tx: Transaction, tenantId: string, texts: readonly Said[]): void {
  if (texts.length === 0) return
  tx.later(sql`INSERT INTO search_texts (tenantId, term, body, grams, reports)
    SELECT ${tenantId}::text, term, body, grams::text[], reports FROM ${given(TEXTS, texts)} ORDER BY term
    ON CONFLICT (tenantId, term) DO UPDATE SET reports = search_texts.reports + excluded.reports`)
}

function unsay(tx: Transaction, tenantId: string, rows: readonly Row[]): void {
  const counts = new Map<number, number>()
  for (const { terms } of rows) for (const term of terms.map(Number)) counts.set(term, (counts.get(term) ?? 0) + 1)
  const all = [...counts]
  // Locked in the order in which others lock them.
  tx.later(sql`SELECT 1 FROM search_texts
    WHERE tenantId = ${tenantId} AND term = ANY(${all.map(([term]) => term)}::bigint[]) ORDER BY term FOR UPDATE`)
  tx.later(sql`UPDATE search_texts AS texts SET reports = texts.reports - given.reports FROM ${given(COUNTS, all)}
    WHERE texts.tenantId = ${tenantId} AND texts.term = given.term`)
  tx.later(sql`DELETE FROM search_texts
    WHERE tenantId = ${tenantId} AND term = ANY(${all.map(([term]) => term)}::bigint[]) AND reports <= 0`)
}

/** What reports are found by, and are counted by beside their severity; see record.ts. @param shard the rows of this process */
export function searchPart(
  { TIMELINE_NAMES_MAX: max }: Pick<CollectorConfig, 'TIMELINE_NAMES_MAX'>,
  shard: number,
): ReportPart {
  return {
    load: (tenantId, reports) => [
      namesOn(
        tenantId,
        reports.map(({ createdAt }) => createdAt),
      ),
    ],
    session(tenantId, [names = []]) {
      const rows: Row[] = []
      const texts = new Map<number, Said>()
      const series = seriesOfWrite(tenantId, names as NamesRow[], max)
      return {
        add(report, seq): void {
          const found = foundBy(report)
          const { createdAt, severity, policyVersion, said } = report
          rows.push({ tenantId, seq, createdAt, terms: found.terms, counted: countedText(report) })
          for (const text of found.texts) {
            const known = texts.get(text.term)
            if (known === undefined) texts.set(text.term, { ...text, reports: 1 })
            else known.reports++
          }
          const terms = said.evaluations.map(
            ({ rule, severity: of }) => ({ kind: 'rule', name: rule, value: of }) as const,
          )
          series.count({ ...countedBy(report, terms), severity, policyVersion }, 1)
        },
        store(tx): void {
          if (rows.length === 0) return
          tx.later(sql`INSERT INTO search_reports (tenantId, seq, createdAt, terms, counted)
            SELECT tenantId, seq, createdAt, terms::bigint[], counted FROM ${given(ROWS, rows)} ORDER BY ord`)
          storeTexts(tx, tenantId, [...texts.values()])
          series.store(tx, shard, true)
        },
      }
    },
    async gone(tx, tenantId, reports): Promise<void> {
      const rows = await tx.all<Row>(
        sql`DELETE FROM search_reports WHERE tenantId = ${tenantId} AND seq = ANY(${reports.map(({ seq }) => seq)}::bigint[])
          RETURNING ${columns('tenantId', 'seq', 'createdAt', 'terms', 'counted')}`,
      )
      if (rows.length === 0) return
      const times = rows.map(({ createdAt }) => createdAt)
      const names = await tx.all<NamesRow>(namesOn(tenantId, times))
      unsay(tx, tenantId, rows)
      const series = seriesOfWrite(tenantId, names, max)
      for (const { createdAt, counted } of rows) series.count(countedIn(tenantId, createdAt, counted), -1)
      series.store(tx, shard, false)
    },
    released(tx, tenantId, reports): void {
      tx.later(sql`UPDATE search_reports SET terms = array_remove(terms, ${QUARANTINED}::bigint)
        WHERE tenantId = ${tenantId} AND seq = ANY(${reports.map(({ seq }) => seq)}::bigint[])`)
    },
  }
}
