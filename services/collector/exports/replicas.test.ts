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

t.test('replicas that make links at once do not make more than there may be', REPLICAS, async (t) => {
  const one = await signing(t, { SIGN_TOKENS_MAX: '3' })
  const two = await collector(t, { DATA_DIR: one.dataDir, SIGN_TOKENS_MAX: '3' })
  for (let round = 0; round < 10; round++) {
    const id = await one.ingest({ status: {}, raw: round })
    const answers = await Promise.all(
      [one, two, one, two, one, two].map(({ ask }) => ask(`/reports/${id}/sign`, { method: 'POST' })),
    )
    t.same(answers.map(({ statusCode }) => statusCode).sort(), [200, 200, 200, 409, 409, 409])
  }
})
