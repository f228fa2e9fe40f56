import { setTimeout as pause } from 'node:timers/promises'
import t from 'tap'
import { asTenant } from '#shared/scope.ts'
import { createTurns } from './turns.ts'

const [A, B] = [asTenant('a'), asTenant('b')]

t.test('tenants take turns, whatever each has under way', async (t) => {
  const turns = createTurns(1)
  const made: string[] = []
  async function* pieces(name: string): AsyncGenerator<string> {
    for (let n = 0; n < 10; n++) {
      await pause(1)
      made.push(name)
      yield name
    }
  }
  const take = async (tenant: typeof A, name: string) => {
    const got: string[] = []
    for await (const piece of turns.of(tenant, pieces(name))) got.push(piece)
    return got.length
  }
  t.same(
    await Promise.all([take(A, 'a1'), take(A, 'a2'), take(A, 'a3'), take(A, 'a4'), take(B, 'b')]),
    Array(5).fill(10),
  )
  const last = made.lastIndexOf('b')
  t.ok(last < 25, `b had every second turn: its last one was the ${last + 1}th of ${made.length}`)
})

t.test('only so many are at work at a time; one that nobody takes keeps nobody waiting', async (t) => {
  const turns = createTurns(2)
  let [working, most] = [0, 0]
  async function* pieces(): AsyncGenerator<number> {
    for (let n = 0; n < 5; n++) {
      most = Math.max(most, ++working)
      await pause(1)
      working--
      yield n
    }
  }
  const idle = Array.from({ length: 3 }, () => turns.of(A, pieces()))
  await Promise.all(idle.map((one) => one.next()))
  const done = Array.from({ length: 6 }, async (_, n) => {
    let count = 0
    for await (const _piece of turns.of(n % 2 === 0 ? A : B, pieces())) count++
    return count
  })
  t.same(await Promise.all(done), Array(6).fill(5))
  t.equal(most, 2)
  for (const one of idle) await one.return(undefined)
})

t.test('a turn is over when its work fails, and the source is closed when its reader leaves', async (t) => {
  const turns = createTurns(1)
  async function* failing(): AsyncGenerator<number> {
    yield await Promise.reject(new Error('disk I/O error'))
  }
  let closed = 0
  async function* endless(): AsyncGenerator<number> {
    try {
      for (;;) yield 1
    } finally {
      closed++
    }
  }
  await t.rejects(turns.of(A, failing()).next(), { message: 'disk I/O error' })
  for await (const _piece of turns.of(A, endless())) break
  t.equal(closed, 1)
  t.match(await turns.of(B, endless()).next(), { value: 1 }, 'there is a turn for others')
})
