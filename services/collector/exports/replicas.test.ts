import t from 'tap'
import { collector } from '../test/collector.ts'
import { ON_POSTGRES } from '../test/postgres.ts'
import { signing } from './test/signing.ts'

const REPLICAS = { skip: !ON_POSTGRES && 'a SQLite file has one process' }

t.test('replicas have the same keys and bytes, and one use is one use for all of them', REPLICAS, async (t) => {
  const one = await signing(t)
  const two = await collector(t, { DATA_DIR: one.dataDir })
  const keys = async ({ app }: Pick<typeof two, 'app'>) => (await app.inject('/bundle-keys')).body
  t.equal(await keys(one), await keys(two))
  const id = await one.ingest()
  const { url } = await one.sign(id)
  t.ok((await one.open(url)).rawPayload.equals((await two.app.inject(url)).rawPayload))

  const single = await one.sign(id, {}, { single_use: true })
  const answers = await Promise.all([one, two, one, two].map(({ app }) => app.inject(single.url)))
  t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 403, 403, 403])

  t.equal((await two.ask('/bundle-keys/rotate', { method: 'POST' })).statusCode, 200)
  t.equal(await keys(one), await keys(two), 'a new key is there for all at once')
})
