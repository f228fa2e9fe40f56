import { createWriteStream } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { once } from 'node:events'
import path from 'node:path'
import t from 'tap'
import { ENV, report, reportHere } from '../test/command.ts'
import { batchCollector, localServer } from '../test/servers.ts'

t.test('a big file is streamed: sent in order, in batches, without being held in memory', async (t) => {
  const dir = t.testdir({})
  const file = path.join(dir, 'big.ndjson')
  const out = createWriteStream(file)
  const pad = 'x'.repeat(5000)
  for (let n = 0; n < 15_000; n++) {
    if (!out.write(`{"status":{},"n":${n},"pad":"${pad}"}\n`)) await once(out, 'drain')
  }
  out.end()
  await once(out, 'close')
  let next = 0
  let isInOrder = true
  const { url } = await localServer(
    t,
    batchCollector(({ n }) => {
      isInOrder &&= n === next++
      return { status: 'stored' }
    }),
  )
  // 75 MB of reports through 64 MB of old space.
  const env = { ...ENV, NODE_OPTIONS: '--max-old-space-size=64' }
  const ran = await report(['send', file, '--url', url], { env })
  t.same(ran, { code: 0, out: '15000 stored\n', err: '' })
  t.equal(next, 15_000)
  t.ok(isInOrder)
})

t.test('a line of no end is refused before it fills the memory', async (t) => {
  const dir = t.testdir({})
  await writeFile(path.join(dir, 'long.ndjson'), 'x'.repeat(17_000_000))
  t.match(await reportHere(['send', path.join(dir, 'long.ndjson'), '--dry-run']), {
    code: 1,
    err: /long.ndjson:1: a line of more than/,
  })
})
