import type { Tenant } from '#shared/scope.ts'
import { hash } from 'node:crypto'
import { insertAll, type Column } from '../postgres/bulk.ts'
import { columns, joined, raw, sql, type Statement } from '../postgres/sql.ts'
import type { ReportPart } from '../postgres/report-part.ts'
import { load, type Transaction } from '../postgres/transaction.ts'
import { storable } from '../postgres/values.ts'
import { FINDING_COLUMNS } from './record.ts'
import type { Sighting } from './fingerprint.ts'
import type { Finding } from './fold.ts'
import type { FindingsConfig } from './settings.ts'
import { createFindingSession, type Happened } from './session.ts'

const NUMBERS: ReadonlySet<string> = new Set(['firstSeen', 'lastSeen', 'changedAt', 'count', 'changes', 'opened'])

const columnsOf = (tenantId: Tenant): readonly Column<Finding>[] => [
  { name: 'tenantId', type: 'text', of: () => tenantId },
  ...FINDING_COLUMNS.map((name): Column<Finding> => ({
    name,
    type: NUMBERS.has(name) ? 'bigint' : 'text',
    of: (finding) => finding[name],
  })),
]
const EVENT_COLUMNS: readonly Column<Happened>[] = [
  { name: 'tenantId', type: 'text', of: ({ tenantId }) => tenantId },
  { name: 'fingerprint', type: 'text', of: ({ fingerprint }) => fingerprint },
  { name: 'at', type: 'bigint', of: ({ report }) => report.createdAt },
  { name: 'event', type: 'text', of: ({ event }) => event },
  { name: 'verdict', type: 'text', of: ({ verdict }) => verdict },
  { name: 'reportId', type: 'text', of: ({ report }) => report.id },
]
const REPLACE = joined(
  FINDING_COLUMNS.slice(3).map((name) => raw(`${name} = excluded.${name}`)),
  ', ',
)
/** A finding is looked for by the text that is stored, so what cannot be stored is replaced before. */
const storableSightings = (sightings: readonly Sighting[]): Sighting[] =>
  sightings.map((one) => ({
    ...one,
    rule: storable(one.rule),
    target: storable(one.target),
    message: storable(one.message),
  }))

const placeOf = (rule: string, target: string) => JSON.stringify([rule, target])

/** The column `place`: the texts are too long for an index. */
const placeKeyOf = ({ rule, target }: Sighting) => hash('md5', rule) + hash('md5', target)

/** Looks for each key by itself: all at once, the server takes for less, while it has no statistics, to read all findings of the tenant. */
const findingsBy = (
  tenantId: Tenant,
  column: 'fingerprint' | 'place',
  keys: readonly string[],
  what: Statement,
  which = raw(''),
): Statement =>
  sql`unnest(${keys}::text[]) AS given (key) CROSS JOIN LATERAL
    (SELECT ${what} FROM findings WHERE tenantId = ${tenantId} AND ${raw(column)} = given.key ${which} OFFSET 0) AS found`

/** What has to be known of findings before these are told: themselves, and what is open at their places. */
function toLoad(tenantId: Tenant, sightings: readonly Sighting[], max: number): readonly (Statement | undefined)[] {
  if (sightings.length === 0) return [undefined, undefined, undefined]
  const fingerprints = [...new Set(sightings.map(({ fingerprint }) => fingerprint))]
  const places = [...new Set(sightings.map(placeKeyOf))]
  const names = columns(...FINDING_COLUMNS)
  const known = (what: Statement) => findingsBy(tenantId, 'fingerprint', fingerprints, what)
  const open = findingsBy(tenantId, 'place', places, names, sql`AND state <> 'resolved'`)
  return [
    sql`SELECT found.* FROM ${known(names)}`,
    sql`SELECT found.* FROM ${open}`,
    // Counted only when one of them is new, and no further than the limit.
    sql`SELECT CASE WHEN (SELECT count(*) FROM ${known(raw('1'))}) < ${fingerprints.length}::int
        THEN (SELECT count(*) FROM (SELECT 1 FROM findings WHERE tenantId = ${tenantId} LIMIT ${max}) AS counted)
        ELSE 0 END AS n`,
  ]
}

/** Gathers what a tenant's reports say, from what was loaded; `store` stores it within the same transaction. */
function openSession(
  tenantId: Tenant,
  [known = [], open = [], counted = []]: readonly (readonly unknown[])[],
  { FINDINGS_PER_REPORT_MAX, FINDINGS_MAX }: FindingsConfig,
) {
  const stored = new Map((known as readonly Finding[]).map((finding) => [finding.fingerprint, finding]))
  const places = Map.groupBy(open as readonly Finding[], ({ rule, target }) => placeOf(rule, target))
  const session = createFindingSession(
    () => ({
      get: (fingerprint) => stored.get(fingerprint),
      openAt: (rule, target) => places.get(placeOf(rule, target)) ?? [],
      room: () => FINDINGS_MAX - ((counted as readonly { n: number }[])[0]?.n ?? 0),
    }),
    FINDINGS_PER_REPORT_MAX,
  )
  return {
    add: session.add,
    store(tx: Transaction): void {
      const findings = session.changed().flatMap(([, changed]) => changed)
      if (findings.length === 0) return
      const replace = sql`ON CONFLICT (tenantId, fingerprint) DO UPDATE SET ${REPLACE}`
      tx.later(insertAll('findings', columnsOf(tenantId), findings, replace))
      if (session.events().length > 0) tx.later(insertAll('finding_events', EVENT_COLUMNS, session.events()))
    },
  }
}

/** What reports say of findings. Those that come back from an archive were told of when they came first. */
export const findingsPart = (config: FindingsConfig): ReportPart => ({
  load: (tenantId, reports) =>
    toLoad(
      tenantId,
      reports.flatMap(({ isKnown, sightings }) => (isKnown ? [] : storableSightings(sightings))),
      config.FINDINGS_MAX,
    ),
  session(tenantId, loaded) {
    const session = openSession(tenantId, loaded, config)
    return {
      add: (report) => (report.isKnown ? 0 : session.add(tenantId, report, storableSightings(report.sightings))),
      store: session.store,
    }
  },
  async released(tx, tenantId, reports) {
    const said = reports.map((report) => ({ ...report, sightings: storableSightings(report.sightings) }))
    const loaded = await load(
      tx,
      ...toLoad(
        tenantId,
        said.flatMap(({ sightings }) => sightings),
        config.FINDINGS_MAX,
      ),
    )
    const session = openSession(tenantId, loaded, config)
    for (const report of said) session.add(tenantId, report, report.sightings)
    session.store(tx)
  },
})
