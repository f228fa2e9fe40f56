import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'

const MAIN = path.join(import.meta.dirname, '..', '..', 'main.ts')
const REPORTS = 10_000
const REPORT_BYTES = 10_240
const MB = 2 ** 20
/** The batch has 100 MB; two chunks of it are a megabyte each. */
const MORE_MAX = 80 * MB
const STATUS = '/proc/self/status'

t.setTimeout(120_000)

const report = (n: number, bytes: number) => {
  const whole = JSON.stringify({ status: { api: 'pass' }, raw: { n, text: '' } })
  return whole.replace('""', `"${'x'.repeat(bytes - whole.length)}"`)
}
const batch = (from: number, count: number) =>
  gzipSync(Array.from({ length: count }, (_, n) => report(from + n, REPORT_BYTES)).join('\n'), { level: 1 })

t.test('memory does not grow with the batch', { skip: !existsSync(STATUS) && 'there is no /proc here' }, async (t) => {
  const child = spawn(process.execPath, ['--expose-gc', MAIN], {
    env: {
      ...process.env,
      NODE_ENV: 'test',
      LOG_LEVEL: 'fatal',
      DATA_DIR: t.testdir({}),
      COLLECTOR_PORT: '0',
      API_KEYS: 'default:collector-key',
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const [{ port }] = (await once(child, 'message')) as [{ port: number }]
  const peak = () => {
    const [, kilobytes] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8')) ?? []
    return Number(kilobytes) * 1024
  }
  const send = async (from: number, count: number) => {
    const answer = await fetch(`http://127.0.0.1:${port}/ingest/qc/batch`, {
      method: 'POST',
      headers: {
        'x-tenant': 'default',
        'x-api-key': 'collector-key',
        'content-type': 'application/x-ndjson',
        'content-encoding': 'gzip',
      },
      body: batch(from, count),
    })
    return (await answer.json()) as { counts: Record<string, number> }
  }
  t.match(await send(0, 1000), { counts: { stored: 1000 } })
  const before = peak()
  t.match(await send(1000, REPORTS), { counts: { stored: REPORTS, rejected: 0 } })
  const more = peak() - before
  t.comment(`${Math.round(before / MB)} MB, and ${Math.round(more / MB)} MB more`)
  t.ok(
    more < MORE_MAX,
    `${Math.round(more / MB)} MB more at its peak, for a batch of ${Math.round((REPORTS * REPORT_BYTES) / MB)} MB`,
  )
})
