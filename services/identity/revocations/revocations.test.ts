import { readFileSync } from 'node:fs'
import { request, type ClientRequest } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { json } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { openKeyring } from '#shared/keyring.ts'
import { createService } from '#shared/service.ts'
import type { Deps } from '#shared/start.ts'
import { testService } from '#shared/test/service.ts'
import { until } from '#shared/test/until.ts'
import { settings, type IdentityConfig } from '../config.ts'
import { openIdentityDatabase } from '../migrations.ts'
import { createSigningKeys } from '../signing/keys.ts'
import { createSigningKeyStore } from '../signing/store.ts'
import { as, process as gateway } from '../test/identity.ts'
import { createFeed, type FeedAnswer } from './feed.ts'
import { revocationRoutes } from './routes.ts'
import { createRevocations } from './store.ts'

const INTERNAL_SECRET = 'a secret that is long enough, 32+'

/** The feed alone, with ways to revoke as the features do. */
function build(config: IdentityConfig, deps: Deps, now: () => number) {
  const { db, writes, app } = createService({ name: 'identity', title: '', description: '' }, config, deps)
  const store = createSigningKeyStore(db, openKeyring(config))
  const signingKeys = createSigningKeys({ store, writes, config, logger: deps.logger, now })
  const revocations = createRevocations(db, config, now)
  const feed = createFeed({ revocations, signingKeys, writes, health: deps.health, config })
  void app.register(revocationRoutes(feed))
  const close = () => {
    feed.stop()
    signingKeys.stop()
    writes.stop()
  }
  return { app, close, writes, revocations, signingKeys, feed }
}

/** It on a real socket, at a time that tests set. */
async function feedService(t: Test, env: Record<string, string> = {}) {
  const clock = { now: Date.now() }
  let parts: ReturnType<typeof build> | undefined
  const options = {
    name: 'identity',
    settings,
    openDatabase: openIdentityDatabase,
    build: (config: IdentityConfig, deps: Deps) => (parts = build(config, deps, () => clock.now)),
  } as const
  const service = await testService(t, options, { INTERNAL_SECRET, ACCESS: 'required', ...env })
  const { writes, revocations, signingKeys, feed } = parts as unknown as ReturnType<typeof build>
  await service.app.listen({ port: 0, host: '127.0.0.1' })
  const { port } = service.app.server.address() as AddressInfo

  const open = (query: string): ClientRequest =>
    request({ host: '127.0.0.1', port, path: `/internal/revocations${query}`, headers: as(gateway) }).end()
  async function ask(query = ''): Promise<FeedAnswer & { status?: number }> {
    const { promise, resolve, reject } = Promise.withResolvers<FeedAnswer & { status?: number }>()
    open(query)
      .on('response', (answer) =>
        json(answer).then((body) => resolve({ ...(body as FeedAnswer), status: answer.statusCode ?? 0 }), reject),
      )
      .on('error', reject)
    return promise
  }
  const revoke = (...subjects: string[]) => writes.run(() => subjects.forEach(revocations.revoke))
  return { ...service, clock, writes, revocations, signingKeys, feed, open, ask, revoke }
}

const subjectsOf = ({ revocations }: FeedAnswer) => revocations.map(({ subject }) => subject)

t.test('a gateway that knows nothing is told everything that is alive, and then what is new', async (t) => {
  const { ask, revoke, clock } = await feedService(t)
  t.match(await ask(), { status: 200, seq: 0, revocations: [] })
  await revoke('session:1', 'key:2')
  const all = await ask()
  t.same(all.revocations[0], { subject: 'session:1', revoked: clock.now, expires: clock.now + 7_200_000 })
  t.same([all.seq, subjectsOf(all)], [2, ['session:1', 'key:2']])
  await revoke('account:3')
  t.same(subjectsOf(await ask(`?after=${all.seq}&epoch=${all.epoch}&jwks=${all.jwks}`)), ['account:3'])
  t.same(subjectsOf(await ask('?after=3')), [])
})

t.test('a question waits until something is on disk, and all that wait hear of it', async (t) => {
  const { ask, revoke, feed, writes, revocations } = await feedService(t)
  const answers = [ask('?after=0&wait_s=25'), ask('?after=0&wait_s=25')]
  await until('both to wait', () => feed.waiting() === 2)
  const refused = writes.run(() => {
    revocations.revoke('session:never')
    throw new Error('refused')
  })
  await t.rejects(refused, { message: 'refused' })
  await writes.run(() => undefined)
  t.equal(feed.waiting(), 2, 'other writes and those that were undone wake nobody')
  await revoke('session:1')
  for (const answer of await Promise.all(answers)) t.same(subjectsOf(answer), ['session:1'])
  t.equal(feed.waiting(), 0)
})

t.test('a question without news is answered when its time is over', async (t) => {
  const { ask } = await feedService(t)
  t.match(await ask('?after=0&wait_s=1'), { status: 200, seq: 0, revocations: [] })
})

t.test('what a gateway knows of another database or run says nothing: it is told everything at once', async (t) => {
  const { ask, revoke } = await feedService(t)
  await revoke('session:1')
  t.same(subjectsOf(await ask('?after=7&wait_s=25')), ['session:1'], 'a number that there never was')
  t.same(subjectsOf(await ask('?after=1&epoch=other&wait_s=25')), ['session:1'])
  const first = await ask()
  const second = await (await feedService(t)).ask()
  t.not(first.epoch, second.epoch)
})

t.test('another key set ends the wait, be it that it changed before or meanwhile', async (t) => {
  const { ask, signingKeys, feed, writes } = await feedService(t)
  const { jwks } = await ask()
  t.equal(jwks, signingKeys.jwks().hash)
  t.equal((await ask('?after=0&jwks=other&wait_s=25')).jwks, jwks)
  const changed = ask(`?after=0&jwks=${jwks}&wait_s=25`)
  await until('it to wait', () => feed.waiting() === 1)
  await writes.run(() => signingKeys.rotate())
  t.equal((await changed).jwks, signingKeys.jwks().hash)
  t.not((await changed).jwks, jwks)
})

t.test('only so many may wait; who leaves makes room', async (t) => {
  const { ask, open, feed } = await feedService(t, { REVOCATION_FEEDS_MAX: '1' })
  const first = open('?after=0&wait_s=25').on('error', () => undefined)
  await until('it to wait', () => feed.waiting() === 1)
  t.equal((await ask('?after=0&wait_s=25')).status, 503)
  t.equal((await ask('?after=0')).status, 200, 'who does not wait is answered')
  first.destroy()
  await until('its place to be free', () => feed.waiting() === 0)
})

t.test('a process that stops answers those who wait, and lets nobody wait any more', async (t) => {
  const { ask, feed, health } = await feedService(t)
  const waiting = ask('?after=0&wait_s=25')
  await until('it to wait', () => feed.waiting() === 1)
  health.setDraining()
  t.equal((await waiting).status, 200)
  t.equal((await ask('?after=0&wait_s=25')).status, 200)
})

t.test('a revocation is forgotten when nothing that it concerns can be alive', async (t) => {
  const env = { REVOCATION_KEEP_S: '60', ACCESS_TOKEN_TTL_S: '3600' }
  const { ask, revoke, clock, writes, revocations, database } = await feedService(t, env)
  await revoke('session:1')
  clock.now += 3_659_000
  t.same(subjectsOf(await ask()), ['session:1'], 'never before the last access token is over')
  clock.now += 1000
  t.same(subjectsOf(await ask()), [])
  for (let i = 0; i < 3; i++) await revoke(...Array.from({ length: 500 }, (_, j) => `key:${i}-${j}`))
  clock.now += 3_660_000
  while (await writes.run(revocations.sweep));
  t.equal(database?.prepare('SELECT count(*) FROM revocations').pluck().get(), 0)
  await revoke('session:2')
  t.equal((await ask()).seq, 1502, 'numbers are never used again')
})

t.test('only processes may ask, and only for what there is', async (t) => {
  const { app } = await feedService(t)
  const statusOf = async (caller: Parameters<typeof as>[0], query = '') =>
    (await app.inject({ url: `/internal/revocations${query}`, headers: as(caller) })).statusCode
  t.equal(await statusOf({}), 403)
  t.equal(await statusOf({ user: 'a', role: 'admin', credential: 'session:1' }), 403)
  t.equal(await statusOf(gateway), 200)
  for (const query of ['?after=-1', '?after=x', '?wait_s=26', '?wait_s=-1', `?epoch=${'x'.repeat(101)}`]) {
    t.equal(await statusOf(gateway, query), 400, query)
  }
})

t.test('a poll is a line of the log when it is refused, and else only when it is asked for', async (t) => {
  for (const [LOG_LEVEL, statuses] of [
    ['info', ['403']],
    ['debug', ['200', '403']],
  ] as const) {
    const LOG_DIR = path.join(t.testdir({}), LOG_LEVEL)
    const { app } = await feedService(t, { LOG_LEVEL, LOG_DIR })
    for (const caller of [gateway, {}]) await app.inject({ url: '/internal/revocations', headers: as(caller) })
    const polls = await until('the line of the last one', () => {
      const lines = readFileSync(path.join(LOG_DIR, 'identity.log'), 'utf8').split('\n')
      const told = lines.flatMap((line) => /"\/internal\/revocations".*"status":(\d+)/.exec(line)?.[1] ?? [])
      return told.includes('403') ? told : undefined
    })
    t.same(polls, statuses, LOG_LEVEL)
  }
})
