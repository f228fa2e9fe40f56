import t from 'tap'
import { until } from '../../shared/test/until.ts'
import { appSignals, browserSignals } from './signals.ts'
import { handSignals } from './test/hand-signals.ts'
import { testReporter } from './test/reporter.ts'
import { batchCollector, linesOf, localServer, SAY_NOTHING, singleCollector, type Got } from './test/servers.ts'

const numberOf = ({ body }: Got) => (JSON.parse(body) as { n: number }).n
const singles = (got: Got[]) => got.filter(({ path }) => path === '/ingest/qc').map(numberOf)

t.test('when the network is back it does not wait for its next try', async (t) => {
  let isUp = false
  const { url, got } = await localServer(
    t,
    singleCollector(() => (isUp ? undefined : { status: 503 })),
  )
  const hand = handSignals()
  const backoff = { baseMs: 3_600_000, maxMs: 3_600_000 }
  const { reporter, add, sent } = testReporter(t, { url, backoff, isAutomatic: true, signals: hand.signals })
  await add(1)
  await until('the first try', () => reporter.state().trouble)
  isUp = true
  t.equal(got.length, 1)
  hand.online()
  await until('the second', () => sent.length === 1)
})

t.test('when the page goes away what fits is sent at once, with keepalive, beside a request that hangs', async (t) => {
  const keepalives: (boolean | undefined)[] = []
  const { url, got } = await localServer(t, (one, count) => (count === 1 ? SAY_NOTHING : singleCollector()(one, count)))
  const hand = handSignals()
  const { reporter, add, sent } = testReporter(t, {
    url,
    isAutomatic: true,
    signals: hand.signals,
    fetch: (address, options) => {
      keepalives.push(options.keepalive)
      return fetch(address, options)
    },
  })
  await add(1)
  await until('the request that hangs', () => got.length === 1)
  await add(2, 3)
  await reporter.report({ status: {}, n: 4, text: 'x'.repeat(70_000) })
  await reporter.report({ status: {}, n: 5 })
  hand.hide()
  hand.hide()
  await until('the last words', () => sent.length === 3)
  t.same(keepalives, [undefined, true, true, true])
  t.same(singles(got).sort(), [1, 1, 2, 3], 'no more than 64 KB, and nothing out of turn')
  t.equal(
    got[0]?.headers['idempotency-key'],
    got.slice(1).find((one) => numberOf(one) === 1)?.headers['idempotency-key'],
  )
  t.equal(reporter.state().waiting, 2)
})

t.test('when the page goes away a collector that is known to take batches gets one', async (t) => {
  let isUp = true
  const collector = batchCollector(() => ({ status: 'stored' }))
  const { url, got } = await localServer(t, (one, count) => (isUp ? collector(one, count) : { status: 503 }))
  const hand = handSignals()
  const backoff = { baseMs: 3_600_000, maxMs: 3_600_000 }
  const { reporter, add, sent } = testReporter(t, { url, backoff, signals: hand.signals, isAutomatic: true })
  await Promise.all([add(1), add(2)])
  await until('the first two', () => sent.length === 2)
  isUp = false
  await add(3)
  await until('the try that fails', () => reporter.state().trouble)
  await add(4)
  isUp = true
  hand.hide()
  await until('the last two', () => sent.length === 4)
  t.same(
    got.filter(({ path }) => path.endsWith('/batch')).map((one) => linesOf(one).map(({ n }) => n)),
    [
      [1, 2],
      [3, 4],
    ],
  )
})

t.test('signals that are told to a reporter without sending of its own do nothing', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const hand = handSignals()
  const { reporter, add } = testReporter(t, { url, signals: hand.signals })
  await add(1)
  hand.online()
  hand.hide()
  await new Promise((resolve) => setTimeout(resolve, 40))
  t.equal(got.length, 0)
  reporter.close()
  t.ok(hand.isStopped())
})

t.test('a browser tells by online, pagehide and visibilitychange; React Native by AppState and NetInfo', async (t) => {
  const told: string[] = []
  const handlers = { onOnline: () => void told.push('online'), onHide: () => void told.push('hide') }
  const document = Object.assign(new EventTarget(), { visibilityState: 'hidden' })
  const page = Object.assign(new EventTarget(), { document })
  const stop = browserSignals(page)(handlers)
  page.dispatchEvent(new Event('online'))
  document.dispatchEvent(new Event('visibilitychange'))
  page.dispatchEvent(new Event('pagehide'))
  document.visibilityState = 'visible'
  document.dispatchEvent(new Event('visibilitychange'))
  t.same(told.splice(0), ['online', 'hide', 'hide', 'online'])
  stop()
  page.dispatchEvent(new Event('online'))
  t.same(told, [])

  let state: (state: string) => void = () => undefined
  let network: (state: { isConnected: boolean | null }) => void = () => undefined
  let removed = 0
  const appState = {
    addEventListener: (_: 'change', listener: typeof state) => {
      state = listener
      return { remove: () => void removed++ }
    },
  }
  const leave = appSignals(appState, (listener) => {
    network = listener
    return () => void removed++
  })(handlers)
  ;['inactive', 'background', 'active'].forEach((each) => state(each))
  ;[true, false, null].forEach((isConnected) => network({ isConnected }))
  t.same(told, ['hide', 'online', 'online'])
  leave()
  t.equal(removed, 2)
  appSignals(appState)(handlers)()
})
