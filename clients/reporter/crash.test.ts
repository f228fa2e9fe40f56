import fc from 'fast-check'
import t from 'tap'
import { memoryStorage, type QueueStorage } from './queue/storage.ts'
import { createReporter } from './reporter.ts'
import type { Fetch, FetchAnswer } from './send/post.ts'
import { mortal, storageOf, type Life } from './test/crashing.ts'

/** A collector as the contract has it: an Idempotency-Key is stored once, and in batches a content is. */
function modelCollector({ hasBatches }: { hasBatches: boolean }) {
  const firstOrder: number[] = []
  const keys = new Map<string, string>()
  const requests: string[] = []
  let failures: number[] = []
  const numberOf = (text: string) => (JSON.parse(text) as { n: number }).n
  function store(n: number): 'stored' | 'duplicate' {
    if (firstOrder.includes(n)) return 'duplicate'
    firstOrder.push(n)
    return 'stored'
  }
  function answer(path: string, headers: Record<string, string>, body: string): { status: number; body: unknown } {
    const failure = failures.shift() ?? 0
    if (failure !== 0) return { status: failure, body: {} }
    if (path.endsWith('/batch')) {
      if (!hasBatches) return { status: 404, body: {} }
      const lines = body.trim().split('\n')
      requests.push(...lines)
      return { status: 200, body: lines.map((line, index) => ({ index, id: 'r', status: store(numberOf(line)) })) }
    }
    requests.push(body)
    const key = headers['idempotency-key'] as string
    if (keys.has(key) && keys.get(key) !== body) return { status: 422, body: {} }
    if (!keys.has(key) && (!hasBatches || !firstOrder.includes(numberOf(body)))) firstOrder.push(numberOf(body))
    keys.set(key, body)
    return { status: 201, body: { id: 'r', status: 'ingested' } }
  }
  const fetchFor =
    (life: Life): Fetch =>
    (url, { headers, body }) =>
      life.step((): FetchAnswer => {
        const { status, body: said } = answer(new URL(url).pathname, headers, body)
        return { status, headers: new Headers(), text: async () => JSON.stringify(said) }
      })
  return { firstOrder, requests, fetchFor, failNext: (statuses: number[]) => void (failures = statuses) }
}

type Collector = ReturnType<typeof modelCollector>

interface Ledger {
  /** What the queue has said yes to, in that order. */
  accepted: number[]
  /** What the caller was told is sent. */
  acknowledged: Map<number, number>
}

/** One life of an app: it reports what it is given, sends, and ends or dies. */
async function live(life: Life, storage: QueueStorage, collector: Collector, numbers: number[], ledger: Ledger) {
  const ofId = new Map<string, number>()
  const reporter = createReporter({
    url: 'http://collector.test',
    key: 'njm_key',
    storage: storageOf(life, storage),
    fetch: collector.fetchFor(life),
    isAutomatic: false,
    batch: { maxReports: 3 },
    onSent: ({ id }) => {
      const n = ofId.get(id)
      if (n !== undefined && !life.isDead()) ledger.acknowledged.set(n, collector.requests.length)
    },
  })
  for (const n of numbers) {
    const added = await reporter.report({ status: {}, n })
    // A dead process is told nothing.
    if (life.isDead()) break
    if (added.accepted) {
      ledger.accepted.push(n)
      ofId.set(added.id, n)
    }
  }
  if (!life.isDead()) await reporter.flush()
  reporter.close()
  return life.steps()
}

const immortal = () => mortal(0, 'before')

function check(collector: Collector, { accepted, acknowledged }: Ledger): void {
  const { firstOrder, requests } = collector
  const lost = accepted.filter((n) => !firstOrder.includes(n))
  if (lost.length > 0) throw new Error(`lost: ${lost.join()}`)
  if (new Set(firstOrder).size !== firstOrder.length) throw new Error(`stored twice: ${firstOrder.join()}`)
  if (firstOrder.some((n, index) => index > 0 && n < (firstOrder[index - 1] as number))) {
    throw new Error(`out of order: ${firstOrder.join()}`)
  }
  for (const [n, sentBy] of acknowledged) {
    const again = requests.slice(sentBy).some((text) => (JSON.parse(text) as { n: number }).n === n)
    if (again) throw new Error(`${n} was sent again after it was told to be sent`)
  }
}

for (const hasBatches of [false, true]) {
  const kind = hasBatches ? 'in batches' : 'one by one'
  t.test(
    `${kind}: dying at any step loses nothing, sends nothing again that was told to be sent, keeps the order`,
    async (t) => {
      for (const dies of ['before', 'after'] as const) {
        for (let diesAt = 1; ; diesAt++) {
          const [storage, collector] = [memoryStorage(), modelCollector({ hasBatches })]
          const ledger: Ledger = { accepted: [], acknowledged: new Map() }
          const life = mortal(diesAt, dies)
          await live(life, storage, collector, [1, 2, 3, 4, 5], ledger)
          if (!life.isDead()) {
            t.ok(diesAt > 12, `dies ${dies} each of ${diesAt - 1} steps`)
            break
          }
          await live(immortal(), storage, collector, [6, 7], ledger)
          check(collector, ledger)
          const left = await storage.names('')
          if (left.length > 0) throw new Error(`still waiting: ${left.join()}`)
        }
      }
    },
  )

  t.test(`${kind}: so do any number of deaths, with a collector that fails now and then`, async () => {
    const aLife = fc.record({
      diesAt: fc.nat(20),
      dies: fc.constantFrom('before' as const, 'after' as const),
      reports: fc.nat(4),
      failures: fc.array(fc.constantFrom(0, 0, 503, 429, 408, 502), { maxLength: 4 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(aLife, { maxLength: 6 }), async (lives) => {
        const [storage, collector] = [memoryStorage(), modelCollector({ hasBatches })]
        const ledger: Ledger = { accepted: [], acknowledged: new Map() }
        let next = 1
        for (const { diesAt, dies, reports, failures } of lives) {
          collector.failNext([...failures])
          const numbers = Array.from({ length: reports }, () => next++)
          await live(mortal(diesAt, dies), storage, collector, numbers, ledger)
        }
        collector.failNext([])
        await live(immortal(), storage, collector, [], ledger)
        check(collector, ledger)
        return (await storage.names('')).length === 0
      }),
      { numRuns: 300 },
    )
  })
}
