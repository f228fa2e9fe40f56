import { spawnSync } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'
import t from 'tap'
import { collector, DEFAULT_KEY, judged, SQLITE_ONLY } from '../test/collector.ts'

t.test('health is ok with a database, degraded but alive without one, and then not ready', SQLITE_ONLY, async (t) => {
  const { app, ask, health, dataDir } = await collector(t)
  t.match((await app.inject('/health')).json(), { status: 'ok', service: 'collector', database: 'connected' })
  t.equal((await app.inject('/health/ready')).statusCode, 200)
  await health.check()
  rmSync(`${dataDir}/collector.db`)
  await health.check()
  const answer = await app.inject('/health')
  t.equal(answer.statusCode, 200)
  t.same(answer.json(), { status: 'degraded', service: 'collector', database: 'disconnected' })
  t.equal((await app.inject('/health/ready')).statusCode, 503)
  t.equal((await app.inject('/health/live')).statusCode, 200)
  t.equal((await ask('/ingest/qc', { method: 'POST', payload: judged('info') })).statusCode, 503)
})

t.test('metrics are valid Prometheus text and every name begins with collector_', async (t) => {
  const { app, ingest, metrics } = await collector(t)
  await ingest(judged('block'))
  await app.inject({ url: '/reports', headers: { ...DEFAULT_KEY, 'x-api-key': 'wrong' } })
  const answer = await app.inject('/metrics')
  t.match(answer.headers['content-type'], 'text/plain; version=0.0.4')
  const names = answer.body.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  t.ok(names.length > 8 && names.every((line) => line.startsWith('collector_')))
  t.match(answer.body, 'collector_reports_ingested_total{severity="block"} 1')
  t.match(answer.body, 'collector_refusals_total{reason="invalid_key"} 1')
  t.match(await metrics.registry.metrics(), 'collector_reports_ingested_total{severity="block",service="collector"} 1')
  if (!existsSync('/usr/bin/promtool')) return t.pass('there is no promtool here')
  const checked = spawnSync('promtool', ['check', 'metrics'], { input: answer.body, encoding: 'utf8' })
  t.same([checked.status, checked.stderr], [0, ''])
})

t.test('the OpenAPI document describes every endpoint', async (t) => {
  const { app } = await collector(t)
  const { paths } = (await app.inject('/openapi.json')).json<{ paths: Record<string, object> }>()
  t.same(
    Object.keys(paths)
      .filter((path) => !/^\/(health|metrics)/.test(path))
      .sort(),
    [
      '/admin/audit/logs',
      '/admin/retention',
      '/admin/retention/holds',
      '/admin/retention/restore',
      '/admin/retention/run',
      '/admin/retention/runs',
      '/admin/tenants',
      '/admin/tenants/{id}',
      '/admin/tenants/{id}/resume',
      '/admin/tenants/{id}/suspend',
      '/admin/tenants/{id}/usage',
      '/alerts',
      '/alerts/channels',
      '/alerts/channels/{name}',
      '/alerts/channels/{name}/test',
      '/alerts/notifications',
      '/alerts/notifications/{id}',
      '/alerts/notifications/{id}/retry',
      '/alerts/rules',
      '/alerts/rules/{name}',
      '/alerts/silences',
      '/alerts/silences/{id}',
      '/alerts/{id}',
      '/alerts/{id}/acknowledge',
      '/bundle-keys',
      '/bundle-keys/rotate',
      '/bundle-keys/{kid}',
      '/export',
      '/findings',
      '/findings/{fingerprint}',
      '/findings/{fingerprint}/mute',
      '/ingest/qc',
      '/ingest/qc/batch',
      '/reports',
      '/reports/replay',
      '/reports/stream',
      '/reports/{id}',
      '/reports/{id}/bundle-meta',
      '/reports/{id}/bundle.zip',
      '/reports/{id}/diff/{other}',
      '/reports/{id}/hold',
      '/reports/{id}/report.html',
      '/reports/{id}/sign',
      '/reports/{id}/sign-history',
      '/reports/{id}/sign/{link}',
      '/schemas',
      '/schemas/{name}',
      '/stats',
      '/timeline',
      '/usage',
    ],
  )
})
