import { request } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { LoadJob, LoadResult, Upload } from './load.ts'

const CHUNK = Buffer.alloc(65_536, 0x5a)
/** SOI, APP0 "JFIF": what a JPEG is known by. */
const JPEG_HEAD = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16, 0x4a, 0x46, 0x49, 0x46, 0, 1, 1, 0, 0, 1, 0, 1, 0, 0])
const BOUNDARY = 'najimban-bench-boundary'
const HEAD = Buffer.from(
  `--${BOUNDARY}\r\ncontent-disposition: form-data; name="image"; filename="photo.jpg"\r\n` +
    'content-type: image/jpeg\r\n\r\n',
)
const TAIL = Buffer.from(`\r\n--${BOUNDARY}--\r\n`)

function* fileOf(bytes: number): Generator<Buffer> {
  yield HEAD
  yield JPEG_HEAD
  for (let left = bytes - JPEG_HEAD.length; left > 0; left -= CHUNK.length) {
    yield left < CHUNK.length ? CHUNK.subarray(0, left) : CHUNK
  }
  yield TAIL
}

/** Sends one file as multipart/form-data, never holding it; resolves with the status. */
async function uploadOne(url: string, path: string, headers: Record<string, string>, bytes: number): Promise<number> {
  const length = HEAD.length + bytes + TAIL.length
  const client = request(new URL(path, url), {
    method: 'POST',
    agent: false,
    headers: { ...headers, 'content-type': `multipart/form-data; boundary=${BOUNDARY}`, 'content-length': length },
  })
  const answered = new Promise<number>((resolve, reject) => {
    client.once('error', reject)
    client.once('response', (response) => {
      response.resume()
      response.once('end', () => resolve(response.statusCode ?? 0))
      response.once('error', reject)
    })
  })
  // One that answers early and hangs up is judged by its answer.
  const sent = pipeline(Readable.from(fileOf(bytes), { objectMode: true, highWaterMark: 1 }), client).catch(
    () => undefined,
  )
  const status = await answered
  await sent
  return status
}

/** Sends files, `connections` of them at a time. */
export async function runUploads(
  { url, connections, request: { headers = {} } }: LoadJob,
  upload: Upload,
): Promise<LoadResult> {
  const { paths, bytes } = upload
  const times: number[] = []
  let failed = 0
  let next = 0
  const startedAt = performance.now()
  const sender = async () => {
    for (let path = paths[next++]; path !== undefined; path = paths[next++]) {
      const at = performance.now()
      const status = await uploadOne(url, path, headers, bytes).catch(() => 0)
      times.push(performance.now() - at)
      if (status < 200 || status > 299) failed++
    }
  }
  await Promise.all(Array.from({ length: connections }, sender))
  return {
    requests: times.length,
    seconds: (performance.now() - startedAt) / 1000,
    p99: Math.round(Math.max(...times)),
    failed,
  }
}
