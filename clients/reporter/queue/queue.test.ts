import t from 'tap'
import { until } from '../../../shared/test/until.ts'
import { testReporter } from '../test/reporter.ts'
import { localServer, singleCollector, type Got } from '../test/servers.ts'
import { memoryStorage, type QueueStorage } from './storage.ts'

const numberOf = ({ body }: Got) => (JSON.parse(body) as { n: number }).n
const singles = (got: Got[]) => got.filter(({ path }) => path === '/ingest/qc').map(numberOf)

t.test('beyond its bounds the oldest reports make room, and the caller is told', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const { reporter, add, dropped } = testReporter(t, { url, limits: { maxReports: 3, maxBytes: 60 } })
  const ids = await add(1, 2, 3, 4)
  t.same(dropped, [{ id: ids[0], reason: 'full' }])
  await reporter.report({ status: {}, n: 5, pad: 'x'.repeat(20) })
  t.same(
    dropped.map(({ id }) => ids.indexOf(id) + 1),
    [1, 2, 3, 4],
    'three reports are fewer bytes than four',
  )
  t.match(reporter.state(), { waiting: 1, dropped: 4 })
  await reporter.flush()
  t.same(singles(got), [5])
})

t.test('a report on its way is not dropped to make room', async (t) => {
  let answer: () => void = () => undefined
  const held = new Promise<void>((resolve) => (answer = resolve))
  const { url } = await localServer(t, singleCollector())
  const { reporter, add, dropped, sent } = testReporter(t, {
    url,
    limits: { maxReports: 2 },
    fetch: async (...args) => {
      await held
      return fetch(...args)
    },
  })
  const [first] = await add(1)
  const flushing = reporter.flush()
  await until('it is on its way', () => reporter.state().waiting === 1)
  await new Promise((resolve) => setTimeout(resolve, 20))
  const [second] = await add(2, 3)
  t.same(dropped, [{ id: second, reason: 'full' }])
  answer()
  await flushing
  t.equal(sent[0]?.id, first)
})

t.test('a storage that fails is told, and lets through what it can', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const real = memoryStorage()
  let broken = new Set<keyof QueueStorage>()
  const guard = <T>(name: keyof QueueStorage, work: () => T): T => {
    if (broken.has(name)) throw new Error(`no ${name}`)
    return work()
  }
  const storage: QueueStorage = {
    get: (name) => guard('get', () => real.get(name)),
    set: (name, text) => guard('set', () => real.set(name, text)),
    remove: (name) => guard('remove', () => real.remove(name)),
    names: (prefix) => guard('names', () => real.names(prefix)),
  }
  const { reporter, add, sent } = testReporter(t, { url, storage })
  broken = new Set(['set'])
  t.match(await reporter.report({ status: {} }), { accepted: false, reason: 'storage', message: 'no set' })
  broken = new Set(['names'])
  t.match(await reporter.flush(), { waiting: 0, trouble: { kind: 'storage', message: 'no names' } })
  await add(1)
  t.match(await reporter.flush(), { waiting: 0 }, 'what is known of can be sent')
  broken = new Set(['get'])
  await add(2)
  t.match(await reporter.flush(), { waiting: 1, trouble: { kind: 'storage', message: 'no get' } })
  broken = new Set(['remove'])
  t.same(await reporter.flush(), { waiting: 0 })
  t.same(await reporter.flush(), { waiting: 0 })
  t.same(singles(got), [1, 2], 'what could not be removed is not sent again')
  broken = new Set()
  await reporter.flush()
  t.same(await real.names(''), [], 'and is removed when that works again')
  t.equal(sent.length, 2)
})

t.test('a storage that is full takes a new report in the place of the oldest', async (t) => {
  const real = memoryStorage()
  const storage: QueueStorage = {
    ...real,
    set: async (name, text) => {
      if ((await real.names('')).length >= 2) throw new Error('QuotaExceededError')
      return real.set(name, text)
    },
  }
  const { add, dropped } = testReporter(t, { url: 'http://127.0.0.1:9', storage })
  const ids = await add(1, 2, 3)
  t.equal(ids.length, 3)
  t.same(dropped, [{ id: ids[0], reason: 'full' }])
})

t.test('a storage that takes nothing, for whatever reason, costs few of the reports that wait', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const real = memoryStorage()
  let isBroken = false
  const storage: QueueStorage = {
    ...real,
    set: (name, text) => {
      if (isBroken) throw new Error('EMFILE: too many open files')
      return real.set(name, text)
    },
  }
  const { reporter, add } = testReporter(t, { url, storage })
  await add(...Array.from({ length: 20 }, (_, n) => 10 + n))
  isBroken = true
  t.match(await reporter.report({ status: {}, n: 30 }), { accepted: false, reason: 'storage', message: /EMFILE/ })
  t.match(reporter.state(), { waiting: 18, dropped: 2 }, 'twice its own size')
  await reporter.flush()
  t.equal(singles(got).length, 18)
})

t.test('what is damaged in the storage is dropped and told; what is none of ours is left alone', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const storage = memoryStorage()
  const { reporter, add, dropped } = testReporter(t, { url, storage })
  const ids = await add(1, 2)
  const names = [...(await storage.names(''))].sort()
  await storage.set(names[0] as string, '{"status"')
  await storage.set('najimban-reporter:default:notes', 'mine')
  await reporter.flush()
  t.same(dropped, [{ id: ids[0], reason: 'damaged' }])
  t.same(singles(got), [2])
  t.same(await storage.names(''), ['najimban-reporter:default:notes'])
})

t.test('two processes on one storage send every report; what the other has sent is not sent again', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const storage = memoryStorage()
  const [one, two] = [testReporter(t, { url, storage }), testReporter(t, { url, storage })]
  await one.add(1)
  await two.add(2)
  await one.add(3)
  await two.reporter.flush()
  await one.reporter.flush()
  // In the order of one process; of two in that of their clocks, to the millisecond.
  t.same(singles(got).sort(), [1, 2, 3])
  await Promise.all([one.add(4), two.add(5)])
  await Promise.all([one.reporter.flush(), two.reporter.flush()])
  const alone = got.filter(({ path }) => path === '/ingest/qc')
  const keys = (n: number) =>
    new Set(alone.filter((each) => numberOf(each) === n).map(({ headers }) => headers['idempotency-key']))
  for (const n of [4, 5]) t.equal(keys(n).size, 1, 'at the same time: with the same Idempotency-Key')
  t.same([one.reporter.state().waiting, two.reporter.state().waiting], [0, 0])
})

t.test('what comes while a round is at its end is sent by the next one', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  let release: () => void = () => undefined
  const lockHeld = new Promise<void>((resolve) => (release = resolve))
  const storage: QueueStorage = {
    ...memoryStorage(),
    exclusive: async (work) => {
      const result = await work()
      await lockHeld
      return result
    },
  }
  const { add, sent } = testReporter(t, { url, storage, isAutomatic: true })
  await add(1)
  await until('the first', () => sent.length === 1)
  await add(2)
  await new Promise((resolve) => setTimeout(resolve, 20))
  t.same(singles(got), [1], 'somebody else has the lock')
  release()
  await until('the second', () => sent.length === 2)
})

t.test('reporters of different names do not touch each other’s reports', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const storage = memoryStorage()
  const [one, two] = [testReporter(t, { url, storage, name: 'a' }), testReporter(t, { url, storage, name: 'a:b' })]
  await one.add(1)
  await two.add(2)
  await one.reporter.flush()
  t.same(singles(got), [1])
})
