import { get, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { collector, DEFAULT_KEY, judged } from '../test/collector.ts'
import { freshDatabase, needsPostgres } from '../test/postgres.ts'

const ROUNDS = 12
const EACH = 25
const WAIT_MS = 20_000

/** Ids of the reports in a stream. */
async function read(port: number, lastEventId = '') {
  const ids: string[] = []
  let [rest, last] = ['', '']
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const headers = { ...DEFAULT_KEY, ...(lastEventId === '' ? {} : { 'last-event-id': lastEventId }) }
    get({ port, path: '/reports/stream', headers, agent: false }, resolve).on('error', reject)
  })
  answer.setEncoding('utf8').on('error', () => {})
  answer.on('data', (chunk: string) => {
    const events = (rest + chunk).split('\n\n')
    rest = events.pop() ?? ''
    for (const event of events) {
      last = /^id: (.+)$/m.exec(event)?.[1] ?? last
      const data = /^data: (.+)$/m.exec(event)?.[1]
      if (data !== undefined) ids.push((JSON.parse(data) as { id: string }).id)
    }
  })
  const until = async (count: number) => {
    for (const end = Date.now() + WAIT_MS; ids.length < count || last === '';) {
      if (Date.now() > end) throw new Error(`${ids.length} of ${count} events came`)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
  }
  await until(0)
  return { ids, until, last: () => last, leave: () => answer.destroy() }
}

t.test(
  'readers at several replicas miss nothing that any of them stores, whenever it is committed',
  await needsPostgres(),
  async (t) => {
    const env = { COLLECTOR_DATABASE_URL: await freshDatabase(t), INGEST_DEDUPE_HOURS: '0' }
    const replicas = [await collector(t, env), await collector(t, env)]
    const ports: number[] = []
    for (const { app } of replicas) {
      await app.listen({ port: 0, host: '127.0.0.1' })
      ports.push((app.server.address() as AddressInfo).port)
    }
    const readers = await Promise.all(ports.map((port) => read(port)))
    t.teardown(() => readers.forEach(({ leave }) => leave()))
    const begin = readers[0]?.last() as string
    const rest: string[][] = []
    // Large and small writes side by side: who began first is not who ends first.
    const write = async (replica: (typeof replicas)[0], size: number) => {
      for (let round = 0; round < ROUNDS; round++) {
        const payload = Array.from({ length: size }, (_, n) => ({ ...judged('warn'), raw: 'x'.repeat(size * 20), n }))
        await replica.ask('/ingest/qc/batch', { method: 'POST', payload })
      }
    }
    const resumed = async () => {
      let last = begin
      const seen: string[] = []
      for (let round = 0; round < 5; round++) {
        const reader = await read(ports[round % 2] as number, last)
        await new Promise((resolve) => setTimeout(resolve, 60))
        reader.leave()
        seen.push(...reader.ids)
        last = reader.last()
      }
      rest.push(seen, [last])
    }
    await Promise.all([...replicas.flatMap((one) => [write(one, EACH), write(one, 1)]), resumed()])
    const count = 2 * ROUNDS * (EACH + 1)
    for (const reader of readers) {
      await reader.until(count)
      t.equal(new Set(reader.ids).size, count)
    }
    t.same(readers[1]?.ids, readers[0]?.ids, 'in one order')
    const [seen = [], [last = '']] = rest as [string[], [string]]
    const end = await read(ports[0] as number, last)
    await end.until(count - seen.length)
    end.leave()
    t.same([...seen, ...end.ids], readers[0]?.ids, 'also by readers that come and go')
  },
)
