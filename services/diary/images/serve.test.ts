import { readdir, readlink, rm } from 'node:fs/promises'
import { connect, type AddressInfo } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { signAssertion } from '#shared/assertion.ts'
import { until } from '#shared/test/until.ts'
import { dataUrl, diary, jpeg, PNG, storedFiles, upload, written, type Entry } from '../test/diary.ts'
import { rangeOf } from './range.ts'

const SIZE = 100_000

async function withImage(t: Parameters<typeof diary>[0], env: Record<string, string> = {}) {
  const service = await diary(t, env)
  const bytes = jpeg(SIZE)
  const { images } = await written(service.app, { images: [dataUrl(bytes)] })
  return { ...service, bytes, url: images[0] as string }
}

t.test('an image says what it is, that it never changes, and that no browser is to run it', async (t) => {
  const { app, bytes, url } = await withImage(t)
  const { headers, rawPayload } = await app.inject({ url })
  t.ok(rawPayload.equals(bytes))
  t.match(headers, {
    'content-type': 'image/jpeg',
    'content-length': String(SIZE),
    'x-content-type-options': 'nosniff',
    'content-disposition': /^inline; filename="[\da-f-]{36}\.jpg"$/,
    'cache-control': 'private, max-age=31536000, immutable',
    'content-security-policy': "default-src 'none'; sandbox",
    'accept-ranges': 'bytes',
    etag: /^"[\da-f]{64}"$/,
  })
  const head = await app.inject({ method: 'HEAD', url })
  t.equal(head.body, '')
  t.match(head.headers, { etag: headers.etag, 'content-length': String(SIZE), 'content-type': 'image/jpeg' })
})

t.test('a client that has the image gets 304', async (t) => {
  const { app, url } = await withImage(t)
  const etag = (await app.inject({ url })).headers.etag as string
  for (const method of ['GET', 'HEAD'] as const) {
    const answer = await app.inject({ method, url, headers: { 'if-none-match': `"x", W/${etag}` } })
    t.equal(answer.statusCode, 304)
    t.equal(answer.body, '')
    t.equal(answer.headers.etag, etag)
  }
  t.equal((await app.inject({ url, headers: { 'if-none-match': '"x"' } })).statusCode, 200)
})

t.test('one range is served as 206, several or nonsense as the whole, one outside as 416', async (t) => {
  const { app, bytes, url } = await withImage(t)
  const get = (range: string, headers: Record<string, string> = {}) =>
    app.inject({ url, headers: { range, ...headers } })
  for (const [range, start, end] of [
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=99990-', 99_990, 99_999],
    ['bytes=99990-200000', 99_990, 99_999],
    ['bytes=-5', 99_995, 99_999],
    ['bytes=-200000', 0, 99_999],
    ['BYTES= 5-6 ', 5, 6],
  ] as const) {
    const answer = await get(range)
    t.equal(answer.statusCode, 206, range)
    t.equal(answer.headers['content-range'], `bytes ${start}-${end}/${SIZE}`)
    t.equal(answer.headers['content-length'], String(end - start + 1))
    t.ok(answer.rawPayload.equals(bytes.subarray(start, end + 1)))
  }
  for (const range of ['bytes=0-1,5-6', 'bytes=', 'bytes=-', 'bytes=5-4', 'bytes=a-b', 'items=0-1', 'bytes=1.5-2']) {
    const answer = await get(range)
    t.equal(answer.statusCode, 200, range)
    t.equal(answer.rawPayload.length, SIZE)
  }
  for (const range of ['bytes=100000-', 'bytes=100000-100001', 'bytes=-0']) {
    const answer = await get(range)
    t.equal(answer.statusCode, 416, range)
    t.equal(answer.headers['content-range'], `bytes */${SIZE}`)
  }
  t.equal(rangeOf('bytes=0-', 0), 'unsatisfiable')
  t.equal((await app.inject({ method: 'HEAD', url, headers: { range: 'bytes=0-1' } })).statusCode, 200)
})

t.test('If-Range serves the part only of the very same image', async (t) => {
  const { app, url } = await withImage(t)
  const etag = (await app.inject({ url })).headers.etag as string
  const status = async (field: string) =>
    (await app.inject({ url, headers: { range: 'bytes=0-1', 'if-range': field } })).statusCode
  t.equal(await status(etag), 206)
  t.equal(await status(`W/${etag}`), 200)
  t.equal(await status('"other"'), 200)
  t.equal(await status('Sat, 21 Nov 2026 00:00:00 GMT'), 200)
})

t.test('an unknown image is 404, and so is one whose file is gone', async (t) => {
  const { app, url, dataDir } = await withImage(t)
  t.equal((await app.inject('/api/diaries/images/nothing')).statusCode, 404)
  t.equal((await app.inject('/api/diaries/images/..%2f..%2fdiary.db')).statusCode, 404)
  await rm(path.join(dataDir, 'diary-images'), { recursive: true })
  const answer = await app.inject({ url })
  t.equal(answer.statusCode, 404)
  t.match(answer.headers['content-type'], 'problem+json')
})

t.test('in open access the id is the permission, with access required the owner is', async (t) => {
  const { app, url } = await withImage(t)
  t.equal((await app.inject({ url, headers: { 'x-user-id': 'bo' } })).statusCode, 200)

  const secret = 'x'.repeat(32)
  const closed = await diary(t, { ACCESS: 'required', INTERNAL_SECRET: secret, DATA_DIR: t.testdir({}) })
  const as = (sub: string) => ({
    'x-najimban-assertion': signAssertion(secret, {
      aud: 'diary',
      exp: Math.floor(Date.now() / 1000) + 30,
      sub,
      tenant: 'default',
      roles: ['viewer'],
      rid: 'r',
      ip: '::1',
    }),
  })
  const { id } = await written(closed.app, {}, as('anna'))
  const { images } = (
    await upload(closed.app, id, [{ name: 'file', bytes: PNG, filename: 'x' }], as('anna'))
  ).json<Entry>()
  const own = { url: images[0] as string, headers: as('anna') }
  t.equal((await closed.app.inject(own)).statusCode, 200)
  t.equal((await closed.app.inject({ ...own, headers: as('bo') })).statusCode, 404)
})

t.test('a client that leaves in the middle of an image does not keep its file open', async (t) => {
  if (process.platform !== 'linux') return t.comment('open files are counted on Linux only')
  const { app, dataDir } = await diary(t)
  const { id } = await written(app)
  const large = { name: 'file', bytes: jpeg(20_000_000), filename: 'x' }
  const { images } = (await upload(app, id, [large])).json<Entry>()
  const file = [...(await storedFiles(dataDir)).keys()][0] as string
  const opened = async () => {
    const links = await Promise.all(
      (await readdir('/proc/self/fd')).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => '')),
    )
    return links.filter((link) => link.endsWith(file)).length
  }
  await app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = app.server.address() as AddressInfo
  const sockets = Array.from({ length: 5 }, () => {
    const socket = connect(port, '127.0.0.1')
    socket.pause()
    socket.write(`GET ${images[0]} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    return socket
  })
  await until('five files to be open', async () => (await opened()) === 5)
  for (const socket of sockets) socket.destroy()
  await until('all to be closed', async () => (await opened()) === 0)
})
