import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { readConfig } from '#shared/config.ts'
import { asOwner } from '#shared/scope.ts'
import { createWrites } from '#shared/writes.ts'
import { settings } from '../config.ts'
import { openIdentityDatabase } from '../migrations.ts'
import { createFailureStore } from './store.ts'
import { createThrottle } from './throttle.ts'

const S = 1000
const HOUR = 3_600_000
const EMAIL = 'kim@example.com'
const HERE = '192.0.2.7'

/** A throttle on a database file, whose clock stands still until the test moves it. */
async function throttle(t: Test, env: Record<string, string> = {}) {
  const config = readConfig(settings, { DATA_DIR: t.testdir({}), ...env })
  const db = openIdentityDatabase(config)
  const writes = createWrites(db, config)
  t.teardown(() => {
    writes.stop()
    db.close()
  })
  const clock = { now: Date.UTC(2026, 10, 21) }
  const secret = randomBytes(32)
  const build = () => createThrottle({ store: createFailureStore(db), writes, secret, config, now: () => clock.now })
  let one = build()
  /** Seconds to wait; 0 for a try that is let through and fails. */
  async function fail(email = EMAIL, ip = HERE): Promise<number> {
    try {
      const attempt = await one.password(email, ip)
      attempt.failed()
      return 0
    } catch (error) {
      t.match(error, { problem: 'too-many-requests', message: 'Too many tries to sign in; wait before the next one' })
      return Number((error as { options: { headers: Record<string, string> } }).options.headers['retry-after'])
    }
  }
  const succeed = async (email = EMAIL, ip = HERE) => (await one.password(email, ip)).succeeded()
  const restart = () => {
    one = build()
  }
  const rows = () => db.prepare('SELECT * FROM login_failures').all() as { key: Buffer; failures: number }[]
  return { db, clock, fail, succeed, restart, rows, code: () => one.code(asOwner('a')), all: () => one, writes }
}

t.test(
  'five wrong passwords are free, each further one makes the next wait twice as long, at most 15 minutes',
  async (t) => {
    const { clock, fail } = await throttle(t)
    for (let i = 0; i < 6; i++) t.equal(await fail(), 0)
    for (const wait of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
      t.equal(await fail(), wait)
      clock.now += wait * S - 1
      t.equal(await fail(), 1, 'not a moment earlier')
      clock.now += 1
      t.equal(await fail(), 0)
    }
  },
)

t.test('a try that had to wait does not count', async (t) => {
  const { clock, fail } = await throttle(t)
  for (let i = 0; i < 6; i++) await fail()
  for (let i = 0; i < 50; i++) t.equal(await fail(), 1)
  clock.now += 1 * S
  t.equal(await fail(), 0)
})

t.test('a thousand guesses at once are a thousand', async (t) => {
  const { fail } = await throttle(t, { PASSWORD_HASHES_WAITING: '1000' })
  const answers = await Promise.all(Array.from({ length: 1000 }, () => fail()))
  t.equal(answers.filter((wait) => wait === 0).length, 6)
})

t.test('two hundred right ones at once all get in, a few at a time', async (t) => {
  const { all, fail } = await throttle(t, { PASSWORD_HASHES_WAITING: '1000' })
  let out = 0
  let most = 0
  const logins = Array.from({ length: 200 }, async () => {
    const attempt = await all().password(EMAIL, HERE)
    most = Math.max(most, ++out)
    await new Promise(setImmediate)
    out--
    await attempt.succeeded()
  })
  await Promise.all(logins)
  t.ok(most <= 6, String(most))
  for (let i = 0; i < 6; i++) t.equal(await fail(), 0)
})

t.test('who waits for the verdict on others finds a place, or is told to come again', async (t) => {
  const { all } = await throttle(t, { PASSWORD_HASHES_WAITING: '1' })
  const one = all()
  const first = await Promise.all(Array.from({ length: 6 }, () => one.password(EMAIL, HERE)))
  const waits = one.password(EMAIL, HERE)
  await t.rejects(one.password(EMAIL, HERE), { message: 'Too many tries to sign in to one account at once' })
  await first[0]?.undone()
  ;(await waits).failed()
  for (const attempt of first.slice(1)) attempt.failed()
  await t.rejects(one.password(EMAIL, HERE), { message: /Too many tries to sign in; wait/ })
})

t.test('what is counted outlives a restart', async (t) => {
  const { fail, restart } = await throttle(t)
  for (let i = 0; i < 6; i++) await fail()
  restart()
  t.equal(await fail(), 1)
})

t.test('a success forgets the failures of this account from this network', async (t) => {
  const { fail, succeed } = await throttle(t)
  for (let i = 0; i < 5; i++) await fail()
  await succeed()
  for (let i = 0; i < 6; i++) t.equal(await fail(), 0)
  t.equal(await fail(), 1)
})

t.test('guesses from many networks make strangers wait, but not who has signed in from theirs before', async (t) => {
  const { clock, fail, succeed } = await throttle(t, { LOGIN_KNOWN_DAYS: '90' })
  await succeed()
  for (let i = 0; i < 21; i++) t.equal(await fail(EMAIL, `198.51.100.${i}`), 0)
  t.equal(await fail(EMAIL, '203.0.113.9'), 1, 'from anywhere else')
  await succeed()
  t.equal(await fail(EMAIL, HERE), 0)
  t.equal(await fail('another@example.com', '203.0.113.9'), 0)
  clock.now += 91 * 24 * HOUR
  for (let i = 0; i < 21; i++) await fail(EMAIL, `198.51.100.${i}`)
  t.equal(await fail(EMAIL, HERE), 1, 'that was too long ago')
})

t.test('a success takes its own try back and nothing else', async (t) => {
  const { fail, succeed } = await throttle(t, { LOGIN_TRIES_NETWORK: '3' })
  for (let i = 0; i < 20; i++) await succeed(`person${i}@example.com`)
  for (let i = 0; i < 4; i++) t.equal(await fail(`victim${i}@example.com`), 0)
  t.equal(await fail('victim4@example.com'), 1)
  await succeed('person1@example.com')
  t.equal(await fail('victim4@example.com'), 1, 'a guesser does not get free by signing in to an own account')
})

t.test('one password for many accounts makes the network wait; an IPv6 network is its /64', async (t) => {
  const { fail } = await throttle(t, { LOGIN_TRIES_NETWORK: '10' })
  for (let i = 0; i < 11; i++) t.equal(await fail(`p${i}@example.com`, `2001:db8:1:2::${i}`), 0)
  t.equal(await fail('p99@example.com', '2001:db8:1:2:ffff::1'), 1)
  t.equal(await fail('p99@example.com', '2001:db8:1:3::1'), 0)
})

t.test('tries are given back with time', async (t) => {
  const { clock, fail } = await throttle(t, { LOGIN_TRIES_HOURS: '10' })
  for (let i = 0; i < 6; i++) await fail()
  clock.now += 2 * HOUR
  t.equal(await fail(), 0, 'five were left, this is the sixth')
  t.equal(await fail(), 1)
  clock.now += 12 * HOUR
  for (let i = 0; i < 6; i++) t.equal(await fail(), 0)
  t.equal(await fail(), 1)
})

t.test('a try without a verdict counts for nothing', async (t) => {
  const { all, fail, rows } = await throttle(t)
  for (let i = 0; i < 100; i++) await (await all().password(EMAIL, HERE)).undone()
  t.same(rows(), [])
  t.equal(await fail(), 0)
})

t.test('codes of the second factor have a count of their own', async (t) => {
  const { code, fail } = await throttle(t)
  for (let i = 0; i < 6; i++) await code()
  await t.rejects(code(), { message: 'Too many tries to sign in; wait before the next one' })
  t.equal(await fail(), 0)
})

t.test('the right code forgets the wrong ones', async (t) => {
  const { code } = await throttle(t)
  for (let i = 0; i < 4; i++) await code()
  await (await code()).succeeded()
  for (let i = 0; i < 6; i++) await code()
  await t.rejects(code(), { message: 'Too many tries to sign in; wait before the next one' })
})

t.test('the table holds no address of a person or a network, and forgets', async (t) => {
  const { all, clock, db, fail, succeed, rows, writes } = await throttle(t)
  await fail()
  await succeed('lee@example.com')
  t.ok(rows().every(({ key }) => key.length === 32))
  const bytes = Buffer.from(db.serialize())
  for (const word of ['kim@', 'lee@', 'example.com', '192.0.2']) t.notOk(bytes.includes(word), word)
  clock.now += 25 * HOUR
  t.equal(await writes.run(all().sweep), false)
  t.equal(rows().length, 1, 'only that lee is known here')
  clock.now += 90 * 24 * HOUR
  await writes.run(all().sweep)
  t.same(rows(), [])
})
