import t from 'tap'
import { readConfig } from '#shared/config.ts'
import { asTenant } from '#shared/scope.ts'
import { settings } from '../config.ts'
import { createLanes } from './lanes.ts'
import type { WriterAnswer, WriterRequest } from './protocol.ts'
import { createWriter } from './queue.ts'

const one = (lane: string, count = 1, name = '') => ({ lane, count, name, bytes: 1 })
const upTo = (count: number, ofLane = Infinity, bytes = Infinity) => ({ count, bytes, ofLane })
const lanesOf = (taken: readonly { lane: string }[]) => taken.map(({ lane }) => lane).join('')

t.test(
  'what waits is taken from all lanes by turns, in its order, and who had most comes last next time',
  async (t) => {
    const lanes = createLanes<ReturnType<typeof one>>()
    for (let n = 0; n < 3; n++) lanes.add(one('a', 100, `a${n}`))
    for (let n = 0; n < 3; n++) lanes.add(one('b', 1, `b${n}`))
    t.equal(lanes.length(), 6)
    const first = lanes.take(upTo(110))
    t.equal(lanesOf(first), 'abbb', 'one turn of the many, then the others')
    t.same(
      first.map(({ name }) => name),
      ['a0', 'b0', 'b1', 'b2'],
    )
    lanes.add(one('b', 1, 'b3'))
    t.equal(lanesOf(lanes.take(upTo(1))), 'a', 'who comes anew is behind who waits')
    t.equal(lanesOf(lanes.take(upTo(1))), 'b')
    t.equal(lanesOf(lanes.take(upTo(1000))), 'a')
    t.same([lanes.length(), lanes.take(upTo(1000))], [0, []])
  },
)

t.test('something is always taken, and a lane whose next is too much leaves the room to the others', async (t) => {
  const lanes = createLanes<ReturnType<typeof one>>()
  lanes.add(one('a', 5000))
  t.equal(lanesOf(lanes.take(upTo(0))), 'a')
  for (const lane of ['a', 'b', 'c']) lanes.add(one(lane, lane === 'b' ? 500 : 1))
  t.equal(lanesOf(lanes.take(upTo(100))), 'ac')
  t.equal(lanes.length(), 1)
  for (const lane of ['a', 'a', 'c', 'c', 'c']) lanes.add(one(lane, 2))
  t.equal(lanesOf(lanes.take(upTo(1000, 4))), 'baacc', 'no lane has more than it may')
  for (const lane of ['a', 'b']) lanes.add(one(lane))
  t.equal(lanesOf(lanes.take(upTo(1000, 1000, 2))), 'ca', 'bytes count, too')
})

/** A queue whose backend answers when it is told to. */
function queueing(env: Record<string, string> = {}) {
  const config = readConfig(settings, { NODE_ENV: 'test', ...env })
  const requests: WriterRequest[] = []
  let go: ((answer: WriterAnswer) => void) | undefined
  const backend = {
    write: (request: WriterRequest) => {
      requests.push(request)
      return new Promise<WriterAnswer>((resolve) => (go = resolve))
    },
    stop: async () => {},
  }
  const writer = createWriter({ config, health: { isDatabaseUsable: () => true }, backend })
  const turn = async () => {
    await new Promise((resolve) => setTimeout(resolve, 10))
    const { items = [], commands = [] } = requests.at(-1) ?? {}
    go?.({
      items: items.map(() => ({ value: { status: 'rejected', errors: [] } })),
      commands: commands.map(() => ({ value: 0 })),
    })
    go = undefined
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  const send = (tenant: string, count: number, text = '{}') =>
    writer.ingest(Array.from({ length: count }, () => ({ tenantId: asTenant(tenant), text }))).then(
      () => 'written',
      (error: { problem: string; options: { headers: object } }) =>
        `${error.problem} ${JSON.stringify(error.options.headers)}`,
    )
  const tenants = (at: number) => {
    const counts: Record<string, number> = {}
    for (const { tenantId } of requests[at]?.items ?? []) counts[tenantId] = (counts[tenantId] ?? 0) + 1
    return counts
  }
  return { writer, requests, turn, send, tenants }
}

t.test('a report waits for no more than one request of another tenant that sends batches', async (t) => {
  const { turn, send, tenants } = queueing()
  const sent = [send('many', 250), send('many', 250), send('many', 250), send('many', 250), send('many', 250)]
  await turn()
  t.same(tenants(0), { many: 1000 }, 'who writes alone has whole requests')
  sent.push(send('few', 1), send('many', 250), send('many', 250))
  await turn()
  sent.push(send('few', 1))
  await turn()
  t.same(tenants(2), { many: 250, few: 1 }, 'and shares them with who comes')
  for (let n = 0; n < 4; n++) await turn()
  t.same(new Set(await Promise.all(sent)), new Set(['written']))
})

t.test('however much a tenant sends, one that comes finds room, and the bound holds for all together', async (t) => {
  const { writer, turn, send } = queueing({ WRITE_QUEUE_MAX: '100' })
  const refused = 'overloaded {"retry-after":"1"}'
  const sent = Array.from({ length: 8 }, () => send('many', 10))
  t.equal(writer.pending(), 80)
  t.equal(await send('many', 1), refused, 'one tenant has four fifths at most')
  const others = [send('a', 4), send('b', 4), send('c', 1), send('d', 11)]
  t.equal(writer.pending(), 100)
  t.equal(await send('e', 1), refused)
  for (let n = 0; n < 3; n++) await turn()
  t.same(new Set(await Promise.all([...sent, ...others])), new Set(['written']))
  t.equal(writer.pending(), 0)
  const again = send('many', 80)
  t.equal(await send('many', 1), refused)
  await turn()
  t.equal(await again, 'written')
})

t.test('the bytes that wait are shared and bounded alike', async (t) => {
  const { turn, send } = queueing({ WRITE_QUEUE_MAX_BYTES: '10240' })
  const kilobyte = 'x'.repeat(1024)
  const sent = [send('many', 8, kilobyte)]
  t.match(await send('many', 1, kilobyte), /overloaded/)
  sent.push(send('few', 2, kilobyte))
  t.match(await send('other', 1), /overloaded/)
  await turn()
  t.same(await Promise.all(sent), ['written', 'written'])
})

t.test('with the largest share a tenant may fill the queue', async (t) => {
  const { turn, send } = queueing({ WRITE_QUEUE_MAX: '10', WRITE_QUEUE_SHARE: '1000000' })
  const sent = [send('many', 5), send('many', 4)]
  t.match(await send('many', 2), /overloaded/)
  await turn()
  t.same(await Promise.all(sent), ['written', 'written'])
})
