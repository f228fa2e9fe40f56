import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import t, { type Test } from 'tap'
import { startLoad } from './load.ts'
import { freePort } from './ports.ts'
import { answers, killAll, start, stopAll } from './process.ts'
import { measure, median } from './rounds.ts'
import { cpuMicros, familyOf, peakRssMb, pssMb, rssMb, ticksOf } from './usage.ts'

const skip = process.platform === 'linux' ? false : 'CPU and memory of a process are read from /proc'

/** A program that answers 200, or 500 below /bad, and has a child. */
const PROGRAM = `
  const { createServer } = require('node:http')
  require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
  createServer((request, response) => {
    request.resume().on('end', () => response.writeHead(request.url.startsWith('/bad') ? 500 : 200).end('ok'))
  }).listen(Number(process.argv[1]), '127.0.0.1')
`

async function started(t: Test) {
  const port = await freePort()
  const log = path.join(t.testdir(), 'log')
  const readyUrl = `http://127.0.0.1:${port}/`
  const args = ['-e', PROGRAM, String(port)]
  const running = await start({ name: 'program', command: process.execPath, args, log, readyUrl })
  t.teardown(async () => {
    const family = familyOf(running.pid)
    await running.stop()
    for (const pid of family.slice(1)) process.kill(pid)
  })
  return { running, url: readyUrl, log }
}

t.test('the median of an even number of values is the middle of two', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
})

t.test('clock ticks are found behind a name with spaces and brackets', async (t) => {
  const stat = '7 (a) b (c) S 1 7 7 0 -1 4194304 100 0 0 0 12 34 5 6 20 0 1 0 226781 3133440 416'
  t.equal(ticksOf(stat), 46)
  t.equal(ticksOf(''), 0)
})

t.test('a busy process is seen to use CPU and memory', { skip }, async (t) => {
  const before = cpuMicros(process.pid)
  const end = process.cpuUsage().user + 50_000
  while (process.cpuUsage().user < end);
  t.ok(cpuMicros(process.pid) - before >= 40_000)
  t.ok(peakRssMb(process.pid) >= rssMb(process.pid) * 0.9)
  t.ok(pssMb(process.pid) > 10 && pssMb(process.pid) <= rssMb(process.pid) * 1.1)
  t.equal(pssMb(2 ** 22 + 1), 0)
  t.equal(cpuMicros(2 ** 22 + 1), 0, 'one that has ended used nothing')
  t.equal(rssMb(2 ** 22 + 1), 0)
})

t.test('subjects are loaded in turn and their children counted', { skip }, async (t) => {
  const { running, url } = await started(t)
  const load = await startLoad(path.join(t.testdir(), 'load'))
  t.equal(familyOf(running.pid).length, 2)
  const subject = { name: 'program', url, pids: [running.pid], request: { path: '/' } }
  const plan = { rounds: 2, seconds: 1, connections: 5, warmup: 10 }
  const [figures] = await measure(load, [subject], plan)
  t.match(figures, { subject: 'program', failed: 0 })
  t.ok(Number(figures?.cpuUs) > 0)
  t.ok(Number(figures?.cpuUsMin) <= Number(figures?.cpuUsMax))
  t.ok(Number(figures?.requests) > 10)
  t.ok(Number(figures?.rssMb) > 20)

  const wrong = { ...subject, request: { path: '/bad' } }
  await t.rejects(measure(load, [wrong], plan), /program: \d+ of \d+ requests failed/)
  t.match(await measure(load, [wrong], { ...plan, rounds: 1, warmup: 0 }), [{ failed: Number }])
  await stopAll()
})

t.test('numbers in paths, headers and bodies count up', async (t) => {
  const seen: string[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => (body += chunk.toString()))
    request.on('end', () => {
      seen.push(`${request.url} ${request.headers['x-user-id']} ${body}`)
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const load = await startLoad(path.join(t.testdir(), 'load'))
  const request = {
    method: 'POST' as const,
    path: '/{{n}}',
    headers: { 'x-user-id': 'u-{{run}}-{{n}}' },
    body: '[{{n}}]',
  }
  const { port } = server.address() as AddressInfo
  const result = await load.run({ url: `http://127.0.0.1:${port}`, connections: 2, seconds: 1, request })
  t.equal(result.failed, 0)
  t.equal(new Set(seen).size, seen.length)
  t.match(seen[0], /^\/(\d+) u-[0-9a-f]{8}-\1 \[\1\]$/)
  await stopAll()
})

t.test('uploads are whole multipart files that begin like a JPEG', async (t) => {
  const files: Buffer[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const whole = Buffer.concat(chunks)
      files.push(whole.subarray(whole.indexOf('\r\n\r\n') + 4, whole.lastIndexOf('\r\n--')))
      response.writeHead(request.url === '/refused' ? 413 : 201).end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const load = await startLoad(path.join(t.testdir(), 'load'))
  const { port } = server.address() as AddressInfo
  const upload = { bytes: 200_000, paths: ['/a', '/b', '/refused'] }
  const job = { url: `http://127.0.0.1:${port}`, connections: 2, seconds: 0, request: { path: '' }, upload }
  t.match(await load.run(job), { requests: 3, failed: 1 })
  t.same(
    files.map((file) => file.length),
    [200_000, 200_000, 200_000],
  )
  t.equal(files[0]?.subarray(0, 3).toString('hex'), 'ffd8ff')
  await stopAll()
})

t.test('the origin answers 300 bytes, 50 KB, and takes uploads', async (t) => {
  const [port, sink] = [await freePort(), await freePort()]
  const url = `http://127.0.0.1:${port}`
  const file = path.join(import.meta.dirname, 'origin.ts')
  const log = path.join(t.testdir(), 'log')
  const args = [file, String(port), String(sink)]
  const origin = await start({ name: 'origin', command: process.execPath, args, log, readyUrl: `${url}/small` })
  const sizes = await Promise.all(['/small', '/large'].map(async (p) => (await (await fetch(url + p)).text()).length))
  t.same(sizes, [300, 50_000])
  t.ok(await answers(`http://127.0.0.1:${sink}/`))
  await origin.stop()
  t.notOk(await answers(`http://127.0.0.1:${sink}/`))
})

t.test('a program that does not start is reported with its last words', async (t) => {
  const log = path.join(t.testdir(), 'log')
  const args = ['-e', 'console.error("no such setting"); process.exit(3)']
  const command = { name: 'broken', command: process.execPath, args, log, readyUrl: 'http://127.0.0.1:1/' }
  await t.rejects(start(command), /broken does not start:\n.*no such setting/s)
})

t.test('the last resort ends what still runs', async (t) => {
  const log = path.join(t.testdir(), 'log')
  const args = ['-e', 'setInterval(() => {}, 1000)']
  const running = await start({ name: 'idle', command: process.execPath, args, log })
  killAll()
  await running.ended
  t.equal(running.child.signalCode, 'SIGKILL')
  t.ok(existsSync(log))
  await running.stop()
})
