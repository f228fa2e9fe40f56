import { fromBuffer, type Entry } from 'yauzl'
import t from 'tap'
import { contractClient, KEY } from './client.ts'

const report = {
  status: { api: 'pass', jwks: 'warn', holidays: 'na' },
  diff: { summary: [{ id: 'api', trend: 'up', deltaPct: 1.5 }] },
  policy: {
    policy_version: '2026.11',
    created_at: '2026-11-14T00:00:00Z',
    evaluations: [
      { rule_id: 'r1', target: '홈', verdict: 'pass', severity: 'info', message: 'ok' },
      {
        rule_id: 'r2',
        target: 'api',
        verdict: 'block',
        severity: 'block',
        message: 'please update the index; drop by',
      },
    ],
  },
  notes: ['야간 점검'],
}

const namesIn = (zip: Buffer) =>
  new Promise<string[]>((resolve, reject) => {
    fromBuffer(zip, { lazyEntries: false }, (error, file) => {
      if (error !== null) return reject(error)
      const names: string[] = []
      file.on('entry', (entry: Entry) => names.push(entry.fileName))
      file.on('end', () => resolve(names))
      file.on('error', reject)
    })
  })

/** The collector through the gateway, line by line, at its own paths and below /api/collector. */
t.test('the collector keeps its contract through the gateway', async (t) => {
  const { call, gateway, collector } = await contractClient(t)
  const get = (path: string, headers: Record<string, string> = KEY) => call('GET', path, undefined, headers)

  await t.test('credentials: 401 names what is missing, 403 when wrong', async (t) => {
    t.match(await get('/reports', {}), { status: 401, json: { error: /X-Tenant.*X-Api-Key/ } })
    t.match(await get('/reports', { 'x-tenant': 'default' }), { status: 401, json: { error: /X-Api-Key/ } })
    t.equal((await get('/reports', { ...KEY, 'x-api-key': 'wrong' })).status, 403)
    t.equal((await get('/reports', { ...KEY, 'x-tenant': 'nobody' })).status, 403)
  })

  await t.test('reports: in, listed at once, read, filtered, paged, 304', async (t) => {
    const before = await get('/reports')
    const sent = await call('POST', '/ingest/qc', report, KEY)
    t.same([sent.status, sent.json.status], [201, 'ingested'])
    t.match(sent.json.id, /^report-\d{13}-[\da-z]{9}$/)
    const id = String(sent.json.id)
    const list = await get('/reports', { ...KEY, 'if-none-match': before.headers.get('etag') as string })
    t.equal(list.status, 200, 'a list is never stale')
    t.match(list.json, {
      reports: [{ id, createdAt: Number, updatedAt: Number, severity: 'block', policyVersion: '2026.11' }],
      pagination: { page: 1, limit: 20, totalCount: 1, totalPages: 1 },
    })
    t.match(list.headers.get('cache-control'), /private, must-revalidate/)
    t.equal((await get('/reports', { ...KEY, 'if-none-match': list.headers.get('etag') as string })).status, 304)
    const one = await get(`/api/collector/reports/${id}`)
    t.match(one.json, { id, tenantId: 'default', report, createdAt: Number, updatedAt: Number })
    t.equal((await get('/reports/report-1-abcdefghi')).status, 404)
    for (const body of [
      { status: { api: 'pass' } },
      { status: {}, policy: { evaluations: [{ severity: 'warn', rule: 'a', result: 'b' }] } },
    ]) {
      t.equal((await call('POST', '/api/collector/ingest/qc', body, KEY)).status, 201)
    }
    t.equal((await call('POST', '/ingest/qc', { notes: [] }, KEY)).status, 400)
    const count = async (query: string) =>
      ((await get(`/reports?${query}`)).json.pagination as { totalCount: number }).totalCount
    t.equal(await count('severity=block'), 1)
    t.equal(await count('severity=warn'), 1)
    t.equal(await count('policy_version=2026.11'), 1)
    t.equal(await count('since=2026-01-01T00:00:00Z'), 3)
    t.equal(await count(`since=${Date.now() + 60_000}`), 0)
    t.match((await get('/reports?page=2&limit=2')).json, {
      pagination: { page: 2, limit: 2, totalCount: 3, totalPages: 2 },
    })
    for (const bad of ['page=0', 'limit=100000', 'severity=fatal', 'since=yesterday']) {
      t.equal((await get(`/reports?${bad}`)).status, 400, bad)
    }
  })

  await t.test('a bundle: signed with no body or {}, downloaded by its token alone, refused otherwise', async (t) => {
    // The same report again would be the one that is there already.
    const { id } = (await call('POST', '/ingest/qc', { ...report, notes: ['주간 점검'] }, KEY)).json as { id: string }
    const signed = await call('POST', `/reports/${id}/sign`, undefined, KEY)
    t.match(signed, { status: 200, json: { token: String, expiresAt: Number, issuedAt: Number, bundleUrl: String } })
    t.equal((await call('POST', `/reports/${id}/sign`, {}, KEY)).status, 200)
    const viaApi = await call('POST', `/api/collector/reports/${id}/sign`, undefined, KEY)
    t.match(viaApi.json.bundleUrl, /^\/api\/collector\/reports\//)
    for (const { json } of [signed, viaApi]) {
      const bundle = await fetch(`${gateway}${String(json.bundleUrl)}`)
      t.equal(bundle.status, 200)
      const names = await namesIn(Buffer.from(await bundle.arrayBuffer()))
      t.ok(names.includes('qc_report.json') && names.includes('qc_report.md'))
    }
    t.equal((await get(`/reports/${id}/bundle.zip`, {})).status, 401)
    t.equal((await get(`/reports/${id}/bundle.zip?token=wrong`, {})).status, 403)
    const other = (await call('POST', '/ingest/qc', { status: { api: 'pass' } }, KEY)).json as { id: string }
    t.equal((await get(`/reports/${other.id}/bundle.zip?token=${String(signed.json.token)}`, {})).status, 403)
    const history = await get(`/reports/${id}/sign-history`)
    t.match(history.json, {
      reportId: id,
      count: 3,
      history: [{ requestedBy: String, issuedAt: Number, expiresAt: Number, createdAt: Number, tokenPreview: String }],
    })
    t.equal((await get(`/reports/${other.id}/sign-history`)).json.count, 0)
    t.match((await get(`/reports/${id}/bundle-meta`)).json, {
      reportId: id,
      files: [{ name: 'qc_report.json', size: Number, checksum: String }],
      totalFiles: Number,
      totalSize: Number,
      estimatedZipSize: Number,
      checksums: Object,
      createdAt: Number,
      updatedAt: Number,
    })
  })

  await t.test('timeline, retention and audit', async (t) => {
    const timeline = await get('/timeline?window_h=24')
    const buckets = timeline.json.buckets as { time: number; info: number; warn: number; block: number }[]
    t.equal(timeline.json.window_h, 24)
    t.ok(buckets.every(({ time }) => time % 3_600_000 === 0))
    t.ok(buckets.reduce((sum, { block }) => sum + block, 0) >= 2)
    t.match((await call('POST', '/admin/retention/run', undefined, KEY)).json, {
      tenantId: 'default',
      retainDays: 30,
      deleted: 0,
      cutoffTime: Number,
    })
    const audit = await get('/admin/audit/logs?limit=5')
    t.match(audit.json, {
      logs: [
        {
          timestamp: Number,
          method: String,
          path: String,
          tenantId: 'default',
          ip: '127.0.0.1',
          statusCode: Number,
          responseTime: Number,
        },
      ],
    })
    t.notMatch(audit.text, 'token=')
  })

  await t.test('its own port answers health and metrics as before', async (t) => {
    t.match(await (await fetch(`${collector}/health`)).json(), {
      status: 'ok',
      service: 'collector',
      database: 'connected',
    })
    const metrics = await (await fetch(`${collector}/metrics`)).text()
    for (const line of metrics.split('\n').filter((text) => text !== '' && !text.startsWith('#')))
      t.match(line, /^collector_/)
  })
})
