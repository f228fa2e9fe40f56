import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { streamOf } from './stream.ts'

const CHUNK = 65_536

async function* endless(): AsyncGenerator<Buffer[]> {
  for (;;) yield [Buffer.alloc(CHUNK)]
}

/** Takes a chunk now and then, some seconds long. */
async function takeSlowly(rateMin: number): Promise<void> {
  const end = performance.now() + 3000
  for await (const _chunk of streamOf(endless(), { EXPORT_STALL_S: 1, EXPORT_RATE_MIN_BYTES: rateMin })) {
    await pause(100)
    if (performance.now() > end) return
  }
}

t.test('who takes less than the least rate is cut off, who takes more is not', async (t) => {
  await t.rejects(takeSlowly(10_000_000), { message: /less than 10000000 bytes a second/ })
  await takeSlowly(1000)
  await takeSlowly(0)
})

t.test('the time that it takes to make something is not the fault of who takes it', async (t) => {
  async function* slow(): AsyncGenerator<Buffer[]> {
    for (let n = 0; n < 12; n++) {
      await pause(100)
      yield [Buffer.alloc(1000)]
    }
  }
  let bytes = 0
  for await (const chunk of streamOf(slow(), { EXPORT_STALL_S: 1, EXPORT_RATE_MIN_BYTES: 100_000 })) {
    bytes += (chunk as Buffer).length
  }
  t.equal(bytes, 12_000)
})
