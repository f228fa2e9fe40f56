import type { RequestListener } from 'node:http'
import t, { type Test } from 'tap'
import { drive, type Drive, type RoutePlan } from './drive.ts'
import { ERROR_CLASSES, type RouteRun } from './run.ts'
import { deadOrigin, listen } from './test/fake-process.ts'

const plan = (over: Partial<RoutePlan> = {}): RoutePlan => ({
  route: 'GET /',
  method: 'GET',
  path: '/',
  headers: {},
  rate: 100,
  connections: 5,
  ...over,
})

async function run(origin: string, over: Partial<RoutePlan> = {}, options: Partial<Drive> = {}): Promise<RouteRun> {
  const driven = await drive(origin, [plan(over)], { duration_s: 1, warmup_s: 0, timeoutMs: 1000, ...options })
  return driven.routes[0] as RouteRun
}

const errorsOf = ({ errors }: RouteRun) =>
  Object.fromEntries(ERROR_CLASSES.flatMap((name) => (errors[name] > 0 ? [[name, errors[name]]] : [])))

/** Answers every `nth` request with `odd`, the others at once. */
const everyNth = (nth: number, odd: RequestListener): RequestListener => {
  let count = 0
  return (request, response) => (++count % nth === 0 ? odd(request, response) : void response.end('ok'))
}

t.test('what is offered is sent evenly and answered, and the warm-up is not counted', async (t) => {
  const arrivals: number[] = []
  const origin = await listen(t, (_request, response) => {
    arrivals.push(performance.now())
    response.end('ok')
  })
  const { offered, answered, slices, reached_rate, ...route } = await run(origin, {}, { warmup_s: 1 })
  t.equal(offered, 100)
  t.equal(answered, 100)
  t.equal(arrivals.length, 200, 'the warm-up was sent')
  t.equal(reached_rate, 100)
  t.same(errorsOf({ offered, answered, slices, reached_rate, ...route }), {})
  t.match(slices, [{ second: 0, count: 100, errors: 0 }])
  const { p50, p90, p99, max } = route.latency_ms
  t.ok(p50! > 0 && p50! <= p90! && p90! <= p99! && p99! <= max!)
  // autocannon by itself sends the whole second's requests in its first moment: half of the time would be silent.
  const half = arrivals.filter((at) => at - (arrivals[0] as number) > 1000).length
  t.ok(half >= 60 && half <= 140, `about half of the requests came in the second half: ${half}`)
})

t.test('a stall is charged to every request that it kept waiting', async (t) => {
  let stalledUntil = 0
  let count = 0
  const origin = await listen(t, (_request, response) => {
    if (++count === 20) stalledUntil = performance.now() + 600
    setTimeout(() => response.end('ok'), Math.max(0, stalledUntil - performance.now()))
  })
  const { latency_ms, offered } = await run(origin, { connections: 2 }, { duration_s: 2 })
  t.equal(offered, 200)
  // 600 ms at 100/s hold up about 60 of 200 requests, by 300 ms in the middle: without correction they would be 2.
  t.ok(latency_ms.p90! >= 100, `p90 ${latency_ms.p90}`)
  t.ok(latency_ms.max! >= 500, `max ${latency_ms.max}`)
})

t.test('what a slow server keeps from being sent at all is an error, not silence', async (t) => {
  const origin = await listen(t, (_request, response) => void setTimeout(() => response.end('ok'), 250))
  const route = await run(origin, { connections: 2 })
  t.equal(route.offered, 100)
  t.ok(route.errors.unsent >= 60, `${route.errors.unsent} were not sent`)
  t.ok(route.latency_ms.p50! > 250, 'they count with the time they waited')
})

t.test('each kind of failure has its class', async (t) => {
  const answer =
    (status: number): RequestListener =>
    (_request, response) =>
      void response.writeHead(status).end()
  const cases: [string, RequestListener][] = [
    ['4xx', answer(404)],
    ['429', answer(429)],
    ['5xx', answer(503)],
    ['other', answer(302)],
    ['reset', (request) => void request.socket.resetAndDestroy()],
  ]
  const routes = await Promise.all(cases.map(async ([, odd]) => run(await listen(t, everyNth(10, odd)))))
  for (const [index, [kind]] of cases.entries()) {
    const route = routes[index] as RouteRun
    t.same(errorsOf(route), { [kind]: 10 }, kind)
    t.equal(route.error_rate, 0.1)
  }
})

t.test('a connection ended in the middle of an answer is a reset, and the next answers are read rightly', async (t) => {
  const origin = await listen(
    t,
    everyNth(10, (request, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => request.socket.end())
    }),
  )
  const route = await run(origin)
  t.same(errorsOf(route), { reset: 10 })
  t.equal(route.answered, 90)
})

t.test('an answer that does not come is a timeout and counts with its time', async (t) => {
  const origin = await listen(
    t,
    everyNth(25, () => undefined),
  )
  const route = await run(origin, { rate: 50, connections: 25 })
  t.ok(route.errors.timeout >= 1)
  t.equal(route.answered + route.errors.timeout + route.errors.unsent, 50)
  t.ok(route.latency_ms.max! >= 900)
})

t.test('a port where nobody listens gives one connect error for each request, not a storm of them', async (t) => {
  const route = await run(await deadOrigin(), { rate: 50 })
  t.same(errorsOf(route), { connect: 50 })
  t.equal(route.error_rate, 1)
  t.equal(route.latency_ms.p50, null, 'a refusal is no latency')
})

t.test('bodies are made anew, headers are sent and answers are handed over', async (t) => {
  const bodies = new Set<string>()
  let header: unknown
  const origin = await listen(t, (request, response) => {
    header = request.headers['x-monitor-key']
    let body = ''
    request.on('data', (part: Buffer) => (body += part.toString()))
    request.on('end', () => {
      bodies.add(`${request.method} ${body}`)
      response.writeHead(201).end('{"made":1}')
    })
  })
  const answers: string[] = []
  let counter = 0
  const route = await run(origin, {
    method: 'POST',
    headers: { 'x-monitor-key': 'k' },
    body: () => `{"n":${counter++},"이름":"산책"}`,
    onAnswer: (status, body) => answers.push(`${status} ${body}`),
    rate: 20,
  })
  t.equal(route.answered, 20)
  t.equal(bodies.size, 20)
  t.match([...bodies][0], /^POST \{"n":\d+,"이름":"산책"\}$/)
  t.equal(header, 'k')
  t.same([...new Set(answers)], ['201 {"made":1}'])
})

t.test('routes go side by side, each at its own rate, and the total is their sum', async (t) => {
  const origin = await listen(t, (request, response) => {
    if (request.url === '/slow') setTimeout(() => response.end(), 300)
    else response.end()
  })
  const plans = [plan({ route: 'fast', rate: 60 }), plan({ route: 'slow', path: '/slow', rate: 4 })]
  const { routes, total, generator_lag_ms } = await drive(origin, plans, { duration_s: 1, warmup_s: 0 })
  t.match(routes, [
    { route: 'fast', offered: 60, answered: 60 },
    { route: 'slow', offered: 4, answered: 4 },
  ])
  t.match(total, { route: '*', offered: 64, answered: 64, offered_rate: 64, connections: 10 })
  t.ok(routes[0]!.latency_ms.p50! < 250, 'the slow route does not hold up the fast one')
  t.ok(generator_lag_ms.max >= generator_lag_ms.p99)
})

const aborted = async (t: Test, afterMs: number) => {
  const origin = await listen(t, (_request, response) => void response.end('ok'))
  const stopping = new AbortController()
  setTimeout(() => stopping.abort(), afterMs)
  return run(origin, {}, { duration_s: 60, signal: stopping.signal })
}

t.test('an abort ends it early with what was measured, at the rate of that time', async (t) => {
  const route = await aborted(t, 1200)
  t.ok(route.offered > 50 && route.offered < 1000, `${route.offered}`)
  t.ok(route.reached_rate > 40, `${route.reached_rate}`)
  t.ok(route.slices.length < 10)
  t.same(errorsOf(route), {})
})
