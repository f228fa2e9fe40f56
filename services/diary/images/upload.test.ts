import { readdir } from 'node:fs/promises'
import { connect, type AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import type { ProblemDocument } from '#shared/problem.ts'
import { until } from '#shared/test/until.ts'
import { AS_ANNA, diary, form, GIF, jpeg, PNG, storedFiles, upload, WEBP, written, type Entry } from '../test/diary.ts'

const file = (bytes: Uint8Array, name = 'image') => ({ name, bytes, filename: 'holiday.png', type: 'image/png' })

t.test('files of a form are added to the entry in their order, byte for byte', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id } = await written(app)
  const sent = [PNG, jpeg(300_000), GIF, WEBP]
  const names = ['image', 'images', 'file', 'images']
  const [first, ...rest] = sent.map((bytes, index) => file(bytes, names[index]))
  t.equal((await upload(app, id, [first as ReturnType<typeof file>])).statusCode, 201)
  const answer = await upload(app, id, rest)
  t.equal(answer.statusCode, 201)
  const read = await app.inject({ url: `/api/diaries/${id}`, headers: AS_ANNA })
  t.equal(answer.body, read.body, 'the answer is the entry')
  t.equal(answer.headers.etag, read.headers.etag)
  const { images } = answer.json<Entry>()
  for (const [index, url] of images.entries()) {
    t.ok((await app.inject({ url })).rawPayload.equals(sent[index] as Buffer), url)
  }
  t.equal((await storedFiles(dataDir)).size, 4)
  t.notOk(
    [...(await storedFiles(dataDir)).keys()].some((name) => name.includes('holiday')),
    'names are never the client’s',
  )
})

t.test('the edge of each limit is inside, beyond it is 413 and leaves nothing', async (t) => {
  const { app, dataDir } = await diary(t, { UPLOAD_MAX_BYTES: '70000', DIARY_MAX_IMAGES: '3' })
  const { id } = await written(app)
  t.equal((await upload(app, id, [file(PNG), file(jpeg(70_001))])).statusCode, 413)
  t.equal((await upload(app, id, [file(PNG), file(PNG), file(PNG), file(PNG)])).statusCode, 413)
  t.equal((await upload(app, id, [file(jpeg(400_000))])).statusCode, 413, 'beyond the limit of the whole form')
  t.equal((await storedFiles(dataDir)).size, 0)
  t.equal((await upload(app, id, [file(jpeg(70_000)), file(PNG)])).statusCode, 201)
  t.equal((await upload(app, id, [file(PNG), file(PNG)])).statusCode, 413, 'the entry would have four')
  await until('the refused files to go', async () => (await storedFiles(dataDir)).size === 2)
  t.equal((await upload(app, id, [file(PNG)])).statusCode, 201)
})

t.test('what is not an image by its content is 415 and leaves nothing', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id } = await written(app)
  for (const bytes of [
    Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'),
    Buffer.alloc(0),
    Buffer.alloc(100_000),
  ]) {
    t.equal((await upload(app, id, [file(PNG), file(bytes)])).statusCode, 415)
  }
  const json = await app.inject({ method: 'POST', url: `/api/diaries/${id}/images`, payload: {}, headers: AS_ANNA })
  t.equal(json.statusCode, 415)
  t.equal((await storedFiles(dataDir)).size, 0)
})

t.test('a form without a file, with a foreign field or broken is 400', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id } = await written(app)
  const url = `/api/diaries/${id}/images`
  t.equal((await upload(app, id, [])).statusCode, 400)
  t.equal((await upload(app, id, [{ name: 'note', bytes: Buffer.from('no file') }])).statusCode, 400)
  t.equal((await app.inject({ method: 'POST', url, headers: AS_ANNA })).statusCode, 400)
  const foreign = await upload(app, id, [file(PNG, 'avatar')])
  t.equal(foreign.statusCode, 400)
  t.match(foreign.json<ProblemDocument>().errors, [{ field: 'avatar' }])
  const hostile = await upload(app, id, [{ name: 'a[99999999]', bytes: Buffer.from('x') }, file(PNG)])
  t.equal(hostile.statusCode, 400)
  const { payload, headers } = form(file(jpeg(10_000)))
  for (const cut of [payload.subarray(0, 5000), payload.subarray(0, 60)]) {
    const answer = await app.inject({ method: 'POST', url, payload: cut, headers: { ...headers, ...AS_ANNA } })
    t.equal(answer.statusCode, 400)
  }
  const unbounded = { ...AS_ANNA, 'content-type': 'multipart/form-data' }
  t.equal((await app.inject({ method: 'POST', url, payload, headers: unbounded })).statusCode, 400)
  await until('nothing to be left', async () => (await storedFiles(dataDir)).size === 0)
})

t.test('without the entry, or for another user’s, nothing is stored at all', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id } = await written(app)
  const theirs = await upload(app, id, [file(jpeg(10_000))], { 'x-user-id': 'bo' })
  t.equal(theirs.statusCode, 404)
  t.equal(theirs.json<ProblemDocument>().error, 'Diary entry not found')
  t.equal((await upload(app, 'none', [file(PNG)])).statusCode, 404)
  t.same(await readdir(path.join(dataDir, 'diary-images')).catch(() => []), [])
})

t.test('If-Match guards an upload, and the version moves on with it', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id } = await written(app)
  const old = (await app.inject({ url: `/api/diaries/${id}`, headers: AS_ANNA })).headers.etag as string
  t.equal((await upload(app, id, [file(PNG)], { ...AS_ANNA, 'if-match': old })).statusCode, 201)
  t.equal((await upload(app, id, [file(PNG)], { ...AS_ANNA, 'if-match': old })).statusCode, 412)
  t.equal((await storedFiles(dataDir)).size, 1)
})

t.test('a retried upload with an Idempotency-Key stores its files once, though its boundary differs', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id } = await written(app)
  const headers = { ...AS_ANNA, 'idempotency-key': 'k' }
  const first = await upload(app, id, [file(PNG)], headers)
  const retry = await upload(app, id, [file(PNG)], headers)
  t.equal(first.statusCode, 201)
  t.equal(retry.body, first.body)
  t.equal(retry.headers['idempotency-replayed'], 'true')
  t.equal((await upload(app, id, [file(GIF)], headers)).statusCode, 422)
  await until('one file', async () => (await storedFiles(dataDir)).size === 1)
})

t.test('an image is deleted on its own, by its owner and through its entry only', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id } = await written(app)
  const other = await written(app, { date: '2026-11-15' })
  const { images } = (await upload(app, id, [file(PNG), file(GIF)])).json<Entry>()
  const imageId = images[0]?.split('/').at(-1) as string
  const remove = async (entry: string, headers: Record<string, string> = AS_ANNA) =>
    (await app.inject({ method: 'DELETE', url: `/api/diaries/${entry}/images/${imageId}`, headers })).statusCode
  t.equal(await remove(other.id), 404)
  t.equal(await remove(id, { 'x-user-id': 'bo' }), 404)
  t.equal(await remove(id, { ...AS_ANNA, 'if-match': '"old"' }), 412)
  t.equal(await remove(id), 204)
  t.equal(await remove(id), 404)
  const left = (await app.inject({ url: `/api/diaries/${id}`, headers: AS_ANNA })).json<Entry>()
  t.same(left.images, images.slice(1))
  await until('its file to go', async () => (await storedFiles(dataDir)).size === 1)
  t.equal((await upload(app, id, [file(WEBP)])).json<Entry>().images[0], images[1], 'new ones come last')
})

t.test('a client that leaves in the middle of an upload leaves nothing behind', async (t) => {
  const { app, dataDir } = await diary(t)
  const { id } = await written(app)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const { payload, headers } = form(file(PNG), file(jpeg(500_000)))
  for (let round = 0; round < 5; round++) {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(
      `POST /api/diaries/${id}/images HTTP/1.1\r\nhost: localhost\r\nx-user-id: anna\r\n` +
        `content-type: ${headers['content-type']}\r\ncontent-length: ${payload.length}\r\n\r\n`,
    )
    socket.write(payload.subarray(0, 400_000))
    await until('both files to be on their way', async () => (await storedFiles(dataDir)).size === 2)
    socket.destroy()
    await until('nothing to be left', async () => (await storedFiles(dataDir)).size === 0)
  }
  t.equal((await upload(app, id, [file(PNG)])).statusCode, 201, 'and the service goes on')
})
