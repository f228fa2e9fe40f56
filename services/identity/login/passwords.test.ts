import { hash } from '@node-rs/argon2'
import { Registry } from 'prom-client'
import t from 'tap'
import { createPasswords } from './passwords.ts'

const build = (atOnce = 2, waiting = 10) => {
  const registry = new Registry()
  const config = { PASSWORD_HASHES_AT_ONCE: atOnce, PASSWORD_HASHES_WAITING: waiting }
  return { registry, passwords: createPasswords(config, registry) }
}

t.test('a password is known again, however its Hangul was composed', async (t) => {
  const { passwords } = build()
  const stored = await passwords.hash('나침반 비밀번호 é'.normalize('NFD'))
  t.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  t.notMatch(stored, '나침반')
  t.equal(await passwords.verify(stored, '나침반 비밀번호 é'.normalize('NFC')), true)
  t.equal(await passwords.verify(stored, '나침반 비밀번호 é'.normalize('NFD')), true)
  t.equal(await passwords.verify(stored, '나침반 비밀번호 e'), false)
  t.equal(await passwords.verify(stored, ''), false)
  t.not(await passwords.hash('같은 비밀번호'), await passwords.hash('같은 비밀번호'), 'each has a salt of its own')
})

t.test('all of a long password counts, in Hangul too', async (t) => {
  const { passwords } = build()
  const long = '가'.repeat(127)
  const stored = await passwords.hash(`${long}나`)
  t.equal(await passwords.verify(stored, `${long}나`), true)
  t.equal(await passwords.verify(stored, `${long}다`), false)
})

t.test('an account without a password is compared with something, which nobody knows', async (t) => {
  const { passwords, registry } = build()
  for (const password of ['', 'null', 'undefined', 'password']) t.equal(await passwords.verify(null, password), false)
  const { values } = (await registry.getMetricsAsJSON()).find(({ name }) =>
    name.endsWith('hash_seconds'),
  ) as unknown as {
    values: { metricName: string; value: number }[]
  }
  t.equal(values.find(({ metricName }) => metricName.endsWith('_count'))?.value, 4, 'each cost a whole hash')
})

t.test('a hash with other parameters is good, and known as one to be made anew', async (t) => {
  const { passwords } = build()
  const old = await hash('비밀번호 하나', { memoryCost: 8192, timeCost: 1, parallelism: 1 })
  t.equal(await passwords.verify(old, '비밀번호 하나'), true)
  t.equal(passwords.isCurrent(old), false)
  t.equal(passwords.isCurrent(await passwords.hash('비밀번호 하나')), true)
})

t.test('who comes when all places to wait are taken is refused, and the others get their answer', async (t) => {
  const { passwords, registry } = build(1, 2)
  const answers = await Promise.allSettled(Array.from({ length: 6 }, () => passwords.verify(null, 'x')))
  t.same(
    answers.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected', 'rejected'],
  )
  t.match((answers[3] as PromiseRejectedResult).reason, {
    problem: 'overloaded',
    statusCode: 503,
    options: { headers: { 'retry-after': '1' } },
  })
  t.match(await registry.metrics(), 'identity_password_hashes_refused_total 3')
  t.equal(await passwords.verify(null, 'x'), false, 'there is room again')
})

t.test('a hash that cannot be read fails alone and gives its place back', async (t) => {
  const { passwords } = build(1, 0)
  await t.rejects(passwords.verify('not a hash', 'x'))
  t.equal(await passwords.verify(null, 'x'), false)
})
