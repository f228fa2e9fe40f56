import { spawn } from 'node:child_process'
import { hash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import { asTenant } from '#shared/scope.ts'
import { judged, TEAM_A, TEAM_A_SENDER } from '../../test/collector.ts'
import { manifestFile, readManifest } from '../archive/manifest.ts'
import { unsigned } from '../archive/signature.ts'
import { DAY_MS, linesOf, retaining } from '../test/retaining.ts'

const SCRIPT = path.join(import.meta.dirname, '..', '..', '..', '..', 'scripts', 'restore-archive.ts')
const LINES = { 'content-type': 'application/x-ndjson' }

interface Restored {
  restored: number
  duplicate: number
  refused: { index: number; id?: string; message: string }[]
}

/** What a line says of its report, to be changed. */
const archivedReport = (line = '') => JSON.parse(unsigned(line)) as Record<string, unknown>

/** A collector with a way to send archives back. */
async function restoring(t: Test, env: Record<string, string> = {}) {
  const service = await retaining(t, env)
  const restore = (body: string | Buffer, headers: Record<string, string> = {}) =>
    service.ask('/admin/retention/restore', { method: 'POST', payload: body, headers: { ...LINES, ...headers } })
  const lines = async () => (await Promise.all(service.archives().map(linesOf))).flat()
  return { ...service, restore, lines }
}

t.test('reports come back as they were: ids, times, states, labels, severities', async (t) => {
  const { ask, run, ingestOld, restore, lines, retention } = await restoring(t)
  const policy = { policy_version: 7, ...judged('block').policy }
  const ids = [
    await ingestOld(50, {
      status: { api: 'pass' },
      policy,
      labels: { ok: true },
      markdown: '# 결과',
      notes: ['\u0000 ☃'],
    }),
    await ingestOld(45, { status: {}, policy: 3 }),
    await ingestOld(40, { status: {}, 2: 'b', 1: 'a', nested: { z: 1e21, a: -0.5 } }),
  ]
  const before = await Promise.all(ids.map((id) => ask(`/reports/${id}`)))
  const list = (await ask('/reports')).json<{ reports: object[] }>().reports
  const timeline = (await ask('/timeline?window_h=2000')).body
  t.match((await run()).json(), { deleted: 3 })
  const archive = await lines()
  t.same((await restore(`${archive.join('\n')}\n`)).json(), { restored: 3, duplicate: 0, refused: [] })

  for (const [n, id] of ids.entries()) {
    const { hold, ...report } = (await ask(`/reports/${id}`)).json<{ hold: object }>()
    t.same(report, before[n]?.json())
    t.match(hold, { reason: 'restored from an archive', by: 'default:admin', until: Number })
  }
  t.same((await ask('/reports')).json<{ reports: object[] }>().reports, list)
  t.equal((await ask('/timeline?window_h=2000')).body, timeline)
  t.match((await ask('/reports?state=quarantined')).json(), { pagination: { totalCount: 1 } })
  for (const id of ids) await ask(`/reports/${id}/hold`, { method: 'DELETE' })
  await (
    await retention.begin(asTenant('default'), { requestedBy: 'me' })
  )?.end
  t.same((await lines()).toSorted(), [...archive, ...archive].toSorted(), 'archived anew they are the same bytes')
})

t.test('what came back is not deleted again for a while, and then it is', async (t) => {
  const { run, ingestOld, restore, lines, retention, setClock } = await restoring(t, { RETENTION_GRACE_DAYS: '3' })
  await ingestOld(50)
  await run()
  await restore((await lines()).join('\n'))
  t.match((await run()).json(), { deleted: 0 })
  const now = Date.now() + 3 * DAY_MS
  setClock(() => ({ now, uptime: now, boot: 'a' }))
  t.match(await (await retention.begin(asTenant('default'), { requestedBy: 'me' }))?.end, { deleted: 1 })
})

t.test('without a grace what came back is as old as it is', async (t) => {
  const { ask, run, ingestOld, restore, lines } = await restoring(t, { RETENTION_GRACE_DAYS: '0' })
  const id = await ingestOld(50)
  await run()
  await restore((await lines()).join('\n'))
  t.notOk('hold' in (await ask(`/reports/${id}`)).json<object>())
  t.match((await run()).json(), { deleted: 1 })
})

t.test('a report that is there stays as it is, and gets no hold', async (t) => {
  const { ask, run, ingestOld, ingest, restore, lines, signed } = await restoring(t)
  const young = await ingest()
  await ingestOld(50)
  await run()
  const [line] = await lines()
  const createdAt = Number(young.split('-')[1])
  const same = signed({ ...archivedReport(line), id: young, createdAt })
  t.same((await restore(`${line}\n${line}\n${same}`)).json(), { restored: 1, duplicate: 2, refused: [] })
  t.notOk('hold' in (await ask(`/reports/${young}`)).json<object>())
})

t.test('no finding is opened, reopened or counted again by what comes back', async (t) => {
  const { ask, run, ingestOld, ingest, restore, lines } = await restoring(t, { RETENTION_GRACE_DAYS: '0' })
  const saying = (verdict: string, rule = 'r') => ({
    status: {},
    policy: {
      policy_version: '1',
      evaluations: [{ rule_id: rule, target: 'a', verdict, severity: verdict, message: 'm' }],
    },
  })
  await ingestOld(50, saying('block'))
  await ingestOld(49, saying('warn', 'long gone'))
  await ingest({
    ...saying('pass'),
    policy: {
      policy_version: '1',
      evaluations: [{ rule_id: 'r', target: 'a', verdict: 'pass', severity: 'info', message: 'm' }],
    },
  })
  await run()
  const findings = async () => (await ask('/findings')).json<{ findings: { rule: string; state: string }[] }>().findings
  const before = await findings()
  t.match(before, [{ rule: 'r', state: 'resolved', count: 2 }])
  await restore((await lines()).join('\n'))
  t.same(await findings(), before)
})

t.test('lines that are no archived reports are refused one by one', async (t) => {
  const { run, ingestOld, restore, lines, signed } = await restoring(t)
  await ingestOld(50)
  await run()
  const good = archivedReport((await lines())[0])
  const bad: object[] = [
    { ...good, id: '../../etc' },
    { ...good, id: 'report-1-ABC' },
    { ...good, createdAt: -1 },
    { ...good, createdAt: 1 },
    { ...good, createdAt: '1' },
    { ...good, updatedAt: 1.5 },
    { ...good, state: 'other' },
    { ...good, severity: 'fatal' },
    { ...good, report: [] },
    { ...good, report: { status: 3 } },
    { ...good, extra: 1 },
  ]
  const answer = (await restore(['not json', ...bad, good].map((one) => signed(one)).join('\n'))).json<Restored>()
  t.same([answer.restored, answer.refused.map(({ index }) => index)], [1, Array.from({ length: 12 }, (_, n) => n)])
  t.match((await restore(Buffer.from([0x7b, 0xff, 0x0a]))).json(), { refused: [{ message: 'is not valid UTF-8' }] })
})

t.test('archives come plain or packed, in NDJSON only, and from an admin only', async (t) => {
  const { run, ingestOld, restore, lines } = await restoring(t)
  await ingestOld(50)
  await run()
  const body = (await lines()).join('\n')
  t.equal((await restore(body, TEAM_A_SENDER)).statusCode, 403)
  t.equal((await restore(body, { 'content-type': 'application/json' })).statusCode, 415)
  t.equal((await restore(gzipSync(body).subarray(0, -9), { 'content-encoding': 'gzip' })).statusCode, 400)
  t.match((await restore(gzipSync(body), { 'content-encoding': 'gzip' })).json(), { restored: 1 })
  t.match(
    (await restore(body, TEAM_A)).json(),
    { restored: 0, duplicate: 0 },
    'what is of one tenant is none of another',
  )
})

t.test('npm run collector:restore-archive verifies all before it sends any', async (t) => {
  const { app, dataDir, run, ingestOld, ask, archives } = await restoring(t)
  await ingestOld(80)
  await ingestOld(40)
  await ingestOld(40, { status: {}, raw: '2' })
  await run()
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  const tool = async (args: string[], env: Record<string, string> = {}) => {
    const child = spawn(process.execPath, [SCRIPT, ...args, '--url', url], {
      env: { ...process.env, COLLECTOR_KEY: '', API_KEYS: 'default:collector-key', ...env },
    })
    const [out, error] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: child.exitCode, out, error }
  }
  const count = async () => (await ask('/reports')).json<{ pagination: { totalCount: number } }>().pagination.totalCount
  const [older, newer] = archives() as [string, string]

  t.match(await tool(['--dry-run', older, newer]), {
    code: 0,
    out: /verified, 1 reports[^]*verified, 2 reports of default/,
  })
  t.equal(await count(), 0)
  t.match(await tool([newer], { API_KEYS: 'default:wrong' }), { code: 1, error: /answered 403/ })
  t.match(await tool([newer], { API_KEYS: 'default:reader:viewer' }), { code: 1, error: /set COLLECTOR_KEY/ })

  const copy = path.join(dataDir, path.basename(newer))
  const bytes = readFileSync(newer)
  bytes.writeUInt8(bytes.readUInt8(40) ^ 1, 40)
  writeFileSync(copy, bytes)
  copyFileSync(manifestFile(newer), manifestFile(copy))
  t.match(await tool([older, copy]), { code: 1, error: /refused, it cannot be unpacked|refused, its / })
  t.equal(await count(), 0, 'one that was tampered with holds up the others')

  t.match(await tool([older, newer]), { code: 0, out: /1 restored, 0 were there, 0 refused\n.*2 restored/ })
  t.equal(await count(), 3)
  t.match(await tool([newer], { API_KEYS: 'none', COLLECTOR_KEY: 'collector-key' }), {
    code: 0,
    out: /0 restored, 2 were there/,
  })

  // One from before lines were signed, and one whose key is not there any more.
  const early = path.join(dataDir, 'early.ndjson.gz')
  const lines = (await linesOf(newer)).map(unsigned)
  const content = `${lines.join('\n')}\n`
  const whole = gzipSync(content)
  writeFileSync(early, whole)
  writeFileSync(
    manifestFile(early),
    JSON.stringify({
      ...(await readManifest(newer)),
      version: 1,
      file: path.basename(early),
      contentBytes: Buffer.byteLength(content),
      contentSha256: hash('sha256', content),
      bytes: whole.length,
      sha256: hash('sha256', whole),
    }),
  )
  const key = { DATA_DIR: dataDir }
  for (const line of lines) {
    const { id } = JSON.parse(line) as { id: string }
    await ask(`/reports/${id}/hold`, { method: 'DELETE' })
    await ask(`/reports/${id}`, { method: 'DELETE' })
  }
  t.equal(await count(), 1)
  t.match(await tool([older, early]), { code: 1, error: /early.*not signed: --vouch/ })
  t.match(await tool(['--dry-run', early]), { code: 0, out: /2 reports of default.*not signed \(--vouch\)/ })
  t.match(await tool(['--vouch', early], { DATA_DIR: t.testdir({}) }), { code: 1, error: /ENCRYPTION_KEYS/ })
  const foreign = { ENCRYPTION_KEYS: `k9:${randomBytes(32).toString('base64')}` }
  t.match(await tool(['--vouch', early], foreign), { code: 1, error: /is not signed/, out: /0 restored.*2 refused/ })
  t.match(await tool(['--vouch', early], key), { code: 0, out: /2 restored, 0 were there, 0 refused/ })
  t.match(await tool(['--vouch', newer], key), { code: 0, out: /0 restored, 2 were there, 0 refused/ })
  t.match(await tool([]), { code: 64, error: /Usage/ })
  t.match(await tool(['--help']), { code: 0, out: /Usage/ })
  t.match(await tool(['--what']), { code: 64 })
})
