import { readFileSync } from 'node:fs'
import path from 'node:path'
import { createMetrics } from '#shared/metrics.ts'
import { asTenant } from '#shared/scope.ts'
import t from 'tap'
import { createCollectorMetrics } from '../probes/metrics.ts'
import { entryAfter, writing } from '../writer/test/writing.ts'
import { createAuditLog } from './log.ts'
import { createAuditStore } from './store.ts'

const ENTRIES = 2500
/** What is written in one transaction. */
const BATCH = 1000

/** Dies with the first batch before it writes it, and with the second one when that is on disk, before it says so. */
const DEATHS = (lives: string) => `
  const file = ${JSON.stringify(lives)}
  const isBatch = ({ commands = [] }) => commands.some(({ name }) => name === 'addAuditEntries')
  const lived = existsSync(file) ? readFileSync(file, 'utf8') : ''
  let batches = 0
  parentPort.on('message', (request) => {
    if (!isBatch(request)) return
    batches++
    if (lived !== '') return
    writeFileSync(file, 'before ')
    process.exit(1)
  })
  const post = parentPort.postMessage.bind(parentPort)
  parentPort.postMessage = (message) => {
    if (!('answer' in message) || batches < 2 || lived !== 'before ') return post(message)
    writeFileSync(file, 'before after')
    process.exit(1)
  }`

t.test(
  'of the entries that are under way when the writer dies none is lost, and only theirs may be doubled',
  async (t) => {
    const folder = t.testdir({})
    const lives = path.join(folder, 'lives')
    const env = { DATA_DIR: path.join(folder, 'data'), AUDIT_FLUSH_MS: '60000' }
    const { config, logger, writer, database } = await writing(t, env, entryAfter(folder, DEATHS(lives)))
    const metrics = createCollectorMetrics(createMetrics('collector').registry, writer.pending)
    const store = createAuditStore(database)
    const audit = createAuditLog({ store, writer, config, metrics, logger })
    t.teardown(() => audit.stop())
    const rows = () => database.prepare<[], string>('SELECT path FROM audit_log ORDER BY seq').pluck().all()
    const paths = Array.from({ length: ENTRIES }, (_, n) => `/${n}`)
    const common = { method: 'GET', tenantId: asTenant('default'), ip: '::1', statusCode: 200, responseTime: 1 }
    for (const path of paths) audit.add({ ...common, path, timestamp: Date.now() })

    // The first thousand have begun their own flush, which is what dies first.
    await audit.flush()
    t.equal(readFileSync(lives, 'utf8'), 'before after')
    t.equal(
      rows().length,
      2 * BATCH,
      'it died when it had written the second one, and wrote nothing of the first one twice',
    )
    await audit.flush()

    const found = rows()
    t.same([...new Set(found)], paths, 'all of them, in their order')
    const doubled = found.filter((path, at) => found.indexOf(path) !== at)
    t.same(doubled, paths.slice(BATCH, 2 * BATCH), 'those of the batch whose outcome nobody knew, once more')
    t.equal((await metrics.auditDropped.get()).values[0]?.value, 0)
  },
)
