import t from 'tap'
import { collector, type Asked } from './collector.ts'

type Given = [method: NonNullable<Asked['method']>, url: string, payload: object | undefined, field: string]

t.test('what a call does not know, it refuses by its name, and does nothing', async (t) => {
  const { ask, ingest, ingestAt } = await collector(t)
  const old = await ingestAt(Date.UTC(2026, 0, 1))
  const id = await ingest()
  const until = Date.now() + 3_600_000
  const finding = `/findings/${'0'.repeat(32)}/mute`
  const hook = { kind: 'webhook', url: 'https://example.com/' }
  const given: Given[] = [
    ['POST', '/admin/retention/run', { dryRun: true }, 'dryRun'],
    ['POST', '/admin/retention/run?dryrun=true', undefined, 'dryrun'],
    ['POST', '/admin/retention/run?dry_run=false&dryrun=true', undefined, 'dryrun'],
    ['PUT', '/admin/retention', { days: 3 }, 'days'],
    ['PUT', '/admin/retention?dry_run=true', { retainDays: 3 }, 'dry_run'],
    ['POST', `/reports/${id}/sign`, { singleUse: true }, 'singleUse'],
    ['POST', '/bundle-keys/rotate', { with_draw: true }, 'with_draw'],
    ['POST', '/admin/tenants', { id: 'new', qoutas: {} }, 'qoutas'],
    ['POST', '/admin/tenants', { id: 'new', quotas: { reportsPerdAy: 1 } }, 'quotas.reportsPerdAy'],
    ['PATCH', '/admin/tenants/new', { title: 'x', quota: {} }, 'quota'],
    ['POST', '/admin/tenants/new/suspend?dry_run=true', undefined, 'dry_run'],
    ['PUT', `/reports/${id}/hold`, { reason: 'x', untill: until }, 'untill'],
    ['PUT', finding, { reason: 'x', until, untill: until }, 'untill'],
    ['POST', '/alerts/silences', { reason: 'x', endsAt: until, rules: 'a' }, 'rules'],
    ['PUT', '/alerts/channels/hook', { ...hook, chanel: 'x' }, 'chanel'],
    ['PUT', '/alerts/rules/lost', { kind: 'database_lost', level: 'warning', fro: '1m' }, 'fro'],
    ['GET', '/export?form=2026-01-01', undefined, 'form'],
    ['GET', '/admin/audit/logs?start=0', undefined, 'start'],
  ]
  for (const [method, url, payload, field] of given) {
    const answer = await ask(url, { method, payload })
    t.equal(answer.statusCode, 400, `${method} ${url} ${JSON.stringify(payload)}: ${answer.body}`)
    const [error] = answer.json<{ errors?: { field: string; message: string }[] }>().errors ?? []
    t.match(error, { field, message: `${field} is not allowed` })
    t.match(answer.json(), { detail: `${field} is not allowed` })
  }
  t.equal((await ask(`/reports/${old}`)).statusCode, 200, 'nothing was deleted')
  t.match((await ask('/admin/retention')).json(), { retainDays: 30 })
  t.match((await ask('/admin/retention/run', { method: 'POST', payload: { dryRun: true } })).json(), {
    detail: 'dryRun is not allowed (known: dry_run, force_clock, wait)',
  })
})

t.test('queries of old clients may have more, and what needs no body takes none', async (t) => {
  const { ask, ingest } = await collector(t)
  const id = await ingest({ status: { api: 'pass' }, extra: { deep: [1] } })
  for (const url of ['/reports', `/reports/${id}`, '/timeline', `/reports/${id}/sign-history`]) {
    t.equal((await ask(`${url}?_=1`)).statusCode, 200, url)
  }
  t.match((await ask(`/reports/${id}`)).json(), { report: { extra: { deep: [1] } } }, 'reports are free')
  for (const url of [`/reports/${id}/sign`, '/admin/retention/run', '/bundle-keys/rotate']) {
    for (const payload of [undefined, {}]) t.equal((await ask(url, { method: 'POST', payload })).statusCode, 200, url)
  }
  const schema = { properties: { status: { type: 'object' } }, required: ['status'] }
  const put = await ask('/schemas/own', { method: 'PUT', payload: schema })
  t.match(put.json(), { schema }, 'so are schemas')
})

t.test('the document says which bodies may be left out', async (t) => {
  const { ask } = await collector(t)
  const { paths } = (await ask('/openapi.json')).json<{
    paths: Record<string, Record<string, { requestBody?: { required: boolean } }>>
  }>()
  const required = (url: string, method: string) => paths[url]?.[method]?.requestBody?.required
  for (const url of ['/reports/{id}/sign', '/admin/retention/run', '/bundle-keys/rotate']) {
    t.equal(required(url, 'post'), false, url)
  }
  t.equal(required('/ingest/qc', 'post'), true)
  t.notMatch((await ask('/openapi.json')).body, 'left-out')
})

t.test('a body that is needed is asked for', async (t) => {
  const { ask, ingest } = await collector(t)
  const id = await ingest()
  const urls = ['/admin/retention', `/reports/${id}/hold`, `/findings/${'0'.repeat(32)}/mute`, '/alerts/channels/hook']
  for (const url of [...urls, '/alerts/rules/lost', '/schemas/own']) {
    t.match(await ask(url, { method: 'PUT' }), { statusCode: 400 }, url)
  }
  t.match(await ask('/alerts/silences', { method: 'POST' }), { statusCode: 400 })
})

t.test('a batch of another type is told which types there are, and details name their field', async (t) => {
  const { ask, ingest } = await collector(t)
  const headers = { 'content-type': 'text/csv' }
  t.match(await ask('/ingest/qc/batch', { method: 'POST', payload: 'a,b' as unknown, headers }), {
    statusCode: 415,
    headers: { accept: 'application/json, application/x-ndjson' },
  })
  const put = { method: 'PUT', payload: { reason: 'x', until: 1 } } as const
  t.match((await ask(`/reports/${await ingest()}/hold`, put)).json(), {
    detail: 'until must be in the future',
    errors: [{ field: 'until', message: 'must be in the future' }],
  })
  t.match((await ask('/reports?cursor=x')).json(), { detail: 'cursor is not a cursor that a list gave out' })
  t.match((await ask('/timeline?by=rule&rule=a')).json(), {
    detail: 'rule, policy_version and by exclude one another: only one of them may be given',
  })
})
