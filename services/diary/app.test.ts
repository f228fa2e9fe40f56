import { rename } from 'node:fs/promises'
import path from 'node:path'
import t from 'tap'
import { AS_ANNA, dataUrl, diary, PNG, post, written } from './test/diary.ts'

t.test('/health says what the existing monitor reads, and 503 once the database file is gone', async (t) => {
  const { app, health, dataDir } = await diary(t)
  await health.check()
  const answer = await app.inject('/health')
  t.equal(answer.statusCode, 200)
  t.match(answer.json(), { status: 'healthy', service: 'diary-service', database: 'connected', uptime: Number })
  t.match(answer.json<{ timestamp: string }>().timestamp, /^\d{4}-.*Z$/)

  await rename(path.join(dataDir, 'diary.db'), path.join(dataDir, 'elsewhere.db'))
  await health.check()
  const sick = await app.inject('/health')
  t.equal(sick.statusCode, 503)
  t.match(sick.json(), { status: 'unhealthy', database: 'disconnected' })
  t.equal((await post(app, { date: '2026-11-14', content: 'a' })).statusCode, 503, 'writes are refused, not lost')
})

t.test('what was written is there after a restart', async (t) => {
  const first = await diary(t)
  const entry = await written(first.app)
  await first.close()
  const second = await diary(t, { DATA_DIR: first.dataDir })
  const again = await second.app.inject({ url: `/api/diaries/${entry.id}`, headers: AS_ANNA })
  t.same(again.json(), entry)
})

t.test('metrics tell how many writes wait and what was stored', async (t) => {
  const { app, metrics } = await diary(t)
  await written(app, { images: [dataUrl(PNG), dataUrl(PNG)] })
  await post(app, { date: '2026-11-14', content: 'a conflict', images: [dataUrl(PNG)] })
  const text = await metrics.registry.metrics()
  t.match(text, 'diary_writes_pending{service="diary"} 0')
  t.match(text, `diary_image_stored_bytes_total{type="image/png",service="diary"} ${2 * PNG.length}`)
})

t.test('the OpenAPI document lists every route with its parameters', async (t) => {
  const { app } = await diary(t)
  const { paths } = (await app.inject('/openapi.json')).json()
  for (const path of ['/api/diaries', '/api/diaries/{id}', '/api/diaries/search', '/api/diaries/images/{id}']) {
    t.ok(paths[path], path)
  }
  t.ok(paths['/api/diaries/{id}/images'].post.summary)
  const { required } = paths['/api/diaries'].post.requestBody.content['application/json'].schema
  t.same(required.sort(), ['content', 'date'])
})

t.test('with access required a caller without the word of the gateway is nobody', async (t) => {
  const { app } = await diary(t, { ACCESS: 'required', INTERNAL_SECRET: 'x'.repeat(32) })
  for (const url of ['/api/diaries', '/api/diaries/search', '/api/diaries/images/x']) {
    t.equal((await app.inject({ url, headers: AS_ANNA })).statusCode, 401, url)
  }
  t.equal((await app.inject('/health')).statusCode, 200)
})
