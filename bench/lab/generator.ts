/** The load generator: a process of its own, told over IPC what to send. */
import autocannon from 'autocannon'
import { randomUUID } from 'node:crypto'
import type { LoadJob, LoadResult } from './load.ts'
import { runUploads } from './uploads.ts'

/** Counts on over all jobs, so that every `{{n}}` is new; texts that must not meet those of another run have `{{run}}`. */
let n = 0
const run = randomUUID().slice(0, 8)
const fill = (text: string) =>
  text
    .replaceAll('{{n}}', String(n))
    .replaceAll('{{run}}', run)
    .replace(/\{\{n%(\d+)\}\}/g, (_, modulus) => String(n % Number(modulus)))

function requestOf({ method = 'GET', path, headers = {}, body = '' }: LoadJob['request']): autocannon.Request {
  const changing = [path, body, ...Object.values(headers)].some((text) => text.includes('{{'))
  const fixed: autocannon.Request = { method, path, headers, ...(body === '' ? {} : { body }) }
  if (!changing) return fixed
  const setupRequest = (request: autocannon.Request): autocannon.Request => {
    n++
    return {
      ...request,
      path: fill(path),
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, fill(value)])),
      ...(body === '' ? {} : { body: fill(body) }),
    }
  }
  return { ...fixed, setupRequest }
}

async function runRequests({ url, connections, seconds, rate, request }: LoadJob): Promise<LoadResult> {
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    ...(rate === undefined ? {} : { overallRate: rate }),
    requests: [requestOf(request)],
  })
  const { total } = result.requests
  const expected = request.status === undefined ? 0 : (result.statusCodeStats?.[`${request.status}`]?.count ?? 0)
  return {
    requests: total,
    seconds: result.duration,
    p99: result.latency.p99,
    failed: result.errors + (request.status === undefined ? result.non2xx : total - expected),
  }
}

process.on('message', (job: LoadJob) => {
  const done = job.upload === undefined ? runRequests(job) : runUploads(job, job.upload)
  done.then(
    (result) => process.send?.({ result }),
    (error: Error) => process.send?.({ error: error.message }),
  )
})
process.on('disconnect', () => process.exit())
