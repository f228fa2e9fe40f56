import { once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import t from 'tap'
import type { ProblemDocument } from '#shared/problem.ts'
import { until } from '#shared/test/until.ts'
import {
  AS_ANNA,
  AVIF,
  dataUrl,
  diary,
  GIF,
  jpeg,
  PNG,
  post,
  storedFiles,
  WEBP,
  written,
  type Entry,
} from '../test/diary.ts'

const DATE = '2026-11-14'
const entry = (images: string[]) => ({ date: DATE, content: 'a', images })

t.test('images sent as data URLs come back as URLs of the very same bytes', async (t) => {
  const { app, dataDir } = await diary(t)
  const sent = [jpeg(200_000), PNG, WEBP, AVIF, GIF]
  const { images } = await written(app, { images: sent.map((bytes) => dataUrl(bytes)) })
  t.equal(images.length, 5)
  const types = ['image/jpeg', 'image/png', 'image/webp', 'image/avif', 'image/gif']
  for (const [index, url] of images.entries()) {
    t.match(url, /^\/api\/diaries\/images\/[\da-f-]{36}$/)
    const answer = await app.inject({ url })
    t.equal(answer.statusCode, 200)
    t.ok(answer.rawPayload.equals(sent[index] as Buffer), url)
    t.equal(answer.headers['content-type'], types[index], 'by content, not by what its sender says')
  }
  const files = await storedFiles(dataDir)
  t.equal(files.size, 5)
  for (const name of files.keys()) t.match(name, /^([\da-f]{2})[/\\]\1[\da-f-]{34}\.(jpg|png|webp|avif|gif)$/)
})

t.test('a change keeps, reorders, adds and drops images, and deletes the files of those left out', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id, images } = await written(app, { images: [PNG, GIF, WEBP].map((bytes) => dataUrl(bytes)) })
  const [png, gif, webp] = images as [string, string, string]
  const put = async (wanted: string[] | undefined) => {
    const payload = wanted === undefined ? { content: 'b' } : { images: wanted }
    const answer = await app.inject({ method: 'PUT', url: `/api/diaries/${id}`, payload, headers: AS_ANNA })
    t.equal(answer.statusCode, 200, answer.body)
    return answer.json<Entry>().images
  }
  t.same(await put(undefined), images)
  const mixed = await put([`http://localhost:4000${webp}`, dataUrl(AVIF), png])
  t.same([mixed[0], mixed[2]], [webp, png])
  t.ok((await app.inject({ url: mixed[1] as string })).rawPayload.equals(AVIF))
  t.equal((await app.inject({ url: gif })).statusCode, 404)
  await until('the file of the dropped image to go', async () => (await storedFiles(dataDir)).size === 3)
  t.same(await put([png, png]), [png], 'an image is in an entry once')
  t.same(await put([]), [])
  await until('all files to go', async () => (await storedFiles(dataDir)).size === 0)
})

t.test('the image of another entry, another user or nobody is refused, and nothing is stored', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id, images } = await written(app, { images: [dataUrl(PNG)] })
  const other = await written(app, { date: '2026-11-15', images: [dataUrl(PNG)] })
  const theirs = await written(app, { images: [dataUrl(PNG)] }, { 'x-user-id': 'bo' })
  const urls = [other.images[0], theirs.images[0], '/api/diaries/images/00000000-0000-4000-8000-000000000000', 'x', '']
  for (const url of urls) {
    const payload = { images: [...images, dataUrl(GIF), url as string] }
    const answer = await app.inject({ method: 'PUT', url: `/api/diaries/${id}`, payload, headers: AS_ANNA })
    t.equal(answer.statusCode, 400, String(url))
    t.match(answer.json<ProblemDocument>().errors, [{ in: 'body', field: 'images.2' }])
    const created = await post(app, { date: '2026-11-16', content: 'a', images: [url as string] })
    t.equal(created.statusCode, 400, String(url))
  }
  await until('the refused images to go', async () => (await storedFiles(dataDir)).size === 3)
})

t.test('text that looks like a data URL stays text', async (t) => {
  const { app, dataDir } = await diary(t)
  const url = dataUrl(PNG)
  const sent = { content: url, tags: [url.slice(0, 60)], weather: 'data:image/png;base64,AAAA' }
  t.match(await written(app, sent), sent)
  t.equal((await storedFiles(dataDir)).size, 0)
})

t.test('over a limit is 413, at the limit is fine, and a refusal leaves nothing', async (t) => {
  const { app, dataDir } = await diary(t, { UPLOAD_MAX_BYTES: '20000', DIARY_MAX_IMAGES: '2', BODY_MAX_BYTES: '3000' })
  const status = async (payload: object) => {
    const { statusCode } = await post(app, { date: DATE, content: 'a', ...payload })
    return statusCode
  }
  t.equal(await status({ images: [dataUrl(PNG), dataUrl(jpeg(20_001))] }), 413)
  t.equal(await status({ images: [dataUrl(PNG), dataUrl(PNG), dataUrl(PNG)] }), 413)
  t.equal(await status({ images: [dataUrl(PNG)], content: 'x'.repeat(3000) }), 413)
  t.equal(await status({ images: [dataUrl(jpeg(90_000))] }), 413, 'beyond the limit of the whole body')
  await until('nothing to be left', async () => (await storedFiles(dataDir)).size === 0)
  const { images } = await written(app, { images: [dataUrl(jpeg(20_000)), dataUrl(PNG)] })
  t.equal(images.length, 2)
  const tooMany = await app.inject({
    method: 'PUT',
    url: `/api/diaries/${DATE}`,
    payload: { images: [...images, images[0]] },
    headers: AS_ANNA,
  })
  t.equal(tooMany.statusCode, 413)
})

t.test('what is no image is 415, what is no base64 is 400, and a refusal leaves nothing', async (t) => {
  const { app, dataDir } = await diary(t)
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
  for (const bytes of [
    svg,
    Buffer.from('<!doctype html><p>'),
    Buffer.alloc(0),
    Buffer.alloc(5000),
    Buffer.from('%PDF-1.7'),
  ]) {
    t.equal((await post(app, entry([dataUrl(PNG), dataUrl(bytes, 'image/png')]))).statusCode, 415)
  }
  const bad = await post(app, entry([dataUrl(PNG), 'data:image/png;base64,####']))
  t.equal(bad.statusCode, 400)
  t.match(bad.json<ProblemDocument>().errors, [{ field: 'images' }])
  t.equal((await post(app, { ...entry([dataUrl(PNG)]), mood: 9 })).statusCode, 400)
  t.equal((await post(app, { images: [dataUrl(PNG)] })).statusCode, 400)
  const put = { method: 'PUT', url: '/api/diaries/none', payload: entry([dataUrl(PNG)]), headers: AS_ANNA } as const
  t.equal((await app.inject(put)).statusCode, 404)
  t.equal((await app.inject({ ...put, headers: { ...AS_ANNA, 'content-type': 'text/plain' } })).statusCode, 415)
  const broken = { ...put, payload: `{"images":["${dataUrl(PNG)}"]`, headers: { 'content-type': 'application/json' } }
  t.equal((await app.inject(broken)).statusCode, 400, 'JSON that breaks off after an image')
  await until('nothing to be left', async () => (await storedFiles(dataDir)).size === 0)
})

t.test('a conflict leaves the entry and its images as they were', async (t) => {
  const { app, dataDir } = await diary(t)
  const { images } = await written(app, { images: [dataUrl(PNG)] })
  t.equal((await post(app, entry([dataUrl(GIF)]))).statusCode, 409)
  await until('the new file to go', async () => (await storedFiles(dataDir)).size === 1)
  t.ok((await app.inject({ url: images[0] as string })).rawPayload.equals(PNG))
})

t.test('a retried POST with an Idempotency-Key stores its images once', async (t) => {
  const { app, dataDir } = await diary(t)
  const headers = { ...AS_ANNA, 'idempotency-key': 'k' }
  const payload = entry([dataUrl(jpeg(10_000))])
  const first = await post(app, payload, headers)
  const retry = await post(app, payload, headers)
  t.equal(first.statusCode, 201)
  t.equal(retry.body, first.body)
  t.equal(retry.headers['idempotency-replayed'], 'true')
  t.equal((await post(app, entry([dataUrl(jpeg(10_000))]), headers)).statusCode, 422, 'other bytes are another request')
  await until('one file', async () => (await storedFiles(dataDir)).size === 1)
  t.equal((await app.inject({ url: first.json<Entry>().images[0] as string })).statusCode, 200)
})

t.test('deleting an entry deletes its files', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id, images } = await written(app, { images: [dataUrl(PNG), dataUrl(GIF)] })
  await app.inject({ method: 'DELETE', url: `/api/diaries/${id}`, headers: AS_ANNA })
  t.equal((await app.inject({ url: images[0] as string })).statusCode, 404)
  await until('the files to go', async () => (await storedFiles(dataDir)).size === 0)
})

t.test('a client that leaves in the middle of an image leaves nothing behind', async (t) => {
  const { app, dataDir } = await diary(t)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const body = JSON.stringify(entry([dataUrl(PNG), dataUrl(jpeg(300_000))]))
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(
    `POST /api/diaries HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  socket.write(body.slice(0, 250_000))
  await until('both images to be on their way', async () => (await storedFiles(dataDir)).size === 2)
  socket.destroy()
  await until('nothing to be left', async () => (await storedFiles(dataDir)).size === 0)
  t.equal((await app.inject({ url: '/api/diaries' })).body, '[]')
})

t.test('a client that is still sending when it is refused gets to read the answer', async (t) => {
  const { app } = await diary(t, { UPLOAD_MAX_BYTES: '100000' })
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const body = JSON.stringify(entry([dataUrl(jpeg(1_000_000))]))
  const socket = connect(port, '127.0.0.1')
  socket.write(
    `POST /api/diaries HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`,
  )
  socket.end(body)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  t.match(answer.toString(), /^HTTP\/1\.1 413 /)
  socket.destroy()
})
