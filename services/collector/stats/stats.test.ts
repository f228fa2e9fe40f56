import { DEFAULT_TENANT } from '#shared/caller.ts'
import t from 'tap'
import { collector, SQLITE_ONLY, TEAM_A } from '../test/collector.ts'
import { FINDINGS_MAX } from './store.ts'

const HOUR_MS = 3_600_000

const evaluation = (rule: string, target: string, verdict: string) => ({
  rule_id: rule,
  target,
  verdict,
  severity: verdict === 'pass' ? 'info' : verdict,
  message: 'm',
})
const report = (raw: number, ...evaluations: object[]) => ({ status: { api: 'pass' }, raw, policy: { evaluations } })

t.test('numbers are those of the tenant', async (t) => {
  const { ask, ingest, ingestAt } = await collector(t, { API_KEYS: 'default:collector-key,teamA:teamA-key' })
  const empty = (await ask('/stats')).json()
  t.match(empty, {
    reports: { total: 0, bySeverity: { none: 0, block: 0 }, today: 0, last24h: 0, last7d: 0 },
    findings: { open: { warn: 0 }, flaky: 0, muted: 0, partial: false },
    top: { rules: [], targets: [] },
    storage: { reports: 0, bytes: 0 },
  })
  t.notOk('oldest' in (empty as { reports: object }).reports)
  const now = Date.now()
  await ingestAt(now - 200 * HOUR_MS, report(1, evaluation('old', '홈', 'warn')))
  await ingestAt(now - 48 * HOUR_MS, report(2, evaluation('지연', '홈', 'block')))
  for (const verdict of ['pass', 'block', 'pass', 'block']) {
    await ingest(report(Math.random(), evaluation('지연', '검색', verdict)))
  }
  await ingest({ ...report(3, evaluation('lint', '검색', 'warn')), notes: 'no list' })
  await ingest()
  await ingest(report(4, evaluation('lint', '홈', 'warn')), TEAM_A)
  const [finding] = (await ask('/findings?target=홈&rule=old')).json<{ findings: { fingerprint: string }[] }>().findings
  const mute = { reason: 'known', until: now + HOUR_MS }
  await ask(`/findings/${finding?.fingerprint}/mute`, { method: 'PUT', payload: mute })
  const stats = (await ask('/stats')).json()
  t.match(stats, {
    reports: {
      total: 8,
      bySeverity: { none: 1, info: 2, warn: 2, block: 3 },
      byState: { stored: 7, quarantined: 1 },
      last24h: 6,
      last7d: 7,
      oldest: now - 200 * HOUR_MS,
    },
    findings: { open: { info: 0, warn: 1, block: 2 }, flaky: 1, muted: 1, partial: false },
    top: {
      rules: [
        { name: '지연', info: 2, warn: 0, block: 3 },
        { name: 'lint', info: 0, warn: 1, block: 0 },
      ],
      targets: [
        { target: '홈', warn: 1, block: 1 },
        { target: '검색', warn: 0, block: 1 },
      ],
    },
    storage: { reports: 8 },
  })
  t.ok((stats as { storage: { bytes: number } }).storage.bytes > 100)
  t.match((await ask('/stats', { headers: TEAM_A })).json(), {
    reports: { total: 1 },
    top: { rules: [{ name: 'lint' }] },
  })
})

t.test('numbers are never behind what is stored', async (t) => {
  const { ask, ingest } = await collector(t)
  for (let n = 1; n <= 5; n++) {
    await ingest(report(n))
    const { headers } = await ask('/stats')
    await ingest(report(n + 0.5))
    const after = await ask('/stats', { headers: { 'if-none-match': String(headers.etag) } })
    t.match(
      [after.statusCode, after.json()],
      [200, { reports: { total: 2 * n }, ingest: { reports: 2 * n, refused: {} } }],
    )
  }
})

t.test('of more findings than are looked at the numbers say so', SQLITE_ONLY, async (t) => {
  const { database, stores } = await collector(t)
  const add = database.prepare(
    `WITH RECURSIVE numbers (n) AS (SELECT ? UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
     INSERT INTO findings (tenantId, fingerprint, rule, target, message, severity, verdict, state, firstSeen, lastSeen,
       changedAt, count, changes, opened, lastReportId)
     SELECT 'default', n, 'r', 't', '', 'warn', 'warn', 'open', n, n, n, 1, 0, 1, '' FROM numbers`,
  )
  const numbers = () => stores.stats.findings(DEFAULT_TENANT, Date.now())
  add.run(1, FINDINGS_MAX)
  t.match(await numbers(), { open: { warn: FINDINGS_MAX }, partial: false })
  add.run(FINDINGS_MAX + 1, FINDINGS_MAX + 1)
  t.match(await numbers(), { open: { warn: FINDINGS_MAX }, partial: true })
})

t.test('what became of reports that came is counted, also of those of which nothing is stored', async (t) => {
  const { ask, ingest, writer } = await collector(t)
  const misfit = { ...report(1), notes: 'no list' }
  await ingest(report(1))
  await ingest(report(1))
  t.equal((await ask('/ingest/qc', { method: 'POST', payload: { notes: [] } })).statusCode, 400)
  const batch = async (headers: Record<string, string> = {}) =>
    ask('/ingest/qc/batch', { method: 'POST', payload: [report(1), misfit, report(2), report(2), 7, misfit], headers })
  t.match((await batch()).json(), { counts: { stored: 1, duplicate: 3, quarantined: 1, rejected: 1 } })
  await batch(TEAM_A)
  await ask('/reports/replay', { method: 'POST' })
  const restored = { id: 'report-1795000000000-abcdefghi', createdAt: 1_795_000_000_000 }
  for (let n = 0; n < 2; n++) {
    await writer.ingest([{ tenantId: DEFAULT_TENANT, text: JSON.stringify(report(3)), restored }])
  }
  const came = { reports: 3, quarantined: 1, duplicates: 4, rejected: 2 }
  t.match((await ask('/usage')).json(), { days: [{ ...came, refused: {} }] })
  t.match((await ask('/stats')).json(), { reports: { byState: { quarantined: 1 } }, ingest: { ...came, refused: {} } })
  const [{ id }] = (await ask('/reports?state=quarantined')).json<{ reports: [{ id: string }] }>().reports
  t.equal((await ask(`/reports/${id}`, { method: 'DELETE' })).statusCode, 204)
  t.match((await ask('/stats')).json(), { reports: { byState: { quarantined: 0 } }, ingest: came }, 'it came')
  const theirs = { reports: 3, quarantined: 1, duplicates: 2, rejected: 1 }
  t.match((await ask('/usage', { headers: TEAM_A })).json(), { days: [theirs] })
})
