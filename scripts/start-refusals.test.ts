import { once } from 'node:events'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import t from 'tap'
import { until } from '#shared/test/until.ts'
import { allGone } from './test/processes.ts'
import { runStart, startSystem, systemSettings } from './test/system.ts'

t.setTimeout(120_000)

const linesOf = (text: string) => text.split('\n').filter((line) => line !== '')

t.test('a process that keeps dying ends everything, with the reason', async (t) => {
  const system = await startSystem(t, {}, ['calendar', 'gateway'])
  const gateway = await system.pidOf('gateway')
  let last = 0
  for (let kills = 0; kills < 5; kills++) {
    last = await until('the calendar', async () => {
      const pid = await system.pidOf('calendar')
      return pid !== last && pid
    })
    process.kill(last, 'SIGKILL')
  }
  t.equal(await system.exited, 1)
  t.match(system.output(), /calendar ended 5 times in 30 s \(SIGKILL\)/)
  await allGone([gateway])
})

t.test('a database that is damaged while running ends everything at the next start, naming the file', async (t) => {
  const system = await startSystem(t, {}, ['calendar', 'gateway'])
  const file = path.join(system.dataDir, 'calendar.db')
  const pid = await system.pidOf('calendar')
  process.kill(pid, 'SIGKILL')
  for (const part of ['-wal', '-shm']) rmSync(file + part, { force: true })
  writeFileSync(file, 'no database any more '.repeat(1000))
  t.equal(await system.exited, 1)
  t.match(system.output(), `calendar: ${file}: is not a SQLite database`)
  t.match(system.output(), 'calendar cannot start again')
})

t.test('what keeps it from starting is one clear line and exit 1', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const file = path.join(t.testdir({ file: '' }), 'file')
  const few = ['calendar', 'gateway']
  const cases: [string, Record<string, string>, RegExp, string[]?][] = [
    [
      'a port in use',
      { CALENDAR_PORT: String(port) },
      new RegExp(`calendar: port ${port} is in use; end the other`),
      few,
    ],
    ['the port of the gateway in use', { GATEWAY_PORT: String(port) }, /gateway: port \d+ is in use/, few],
    ['a bad setting', { EVENTS_LIST_MAX: 'many' }, /calendar: EVENTS_LIST_MAX must be a number/, ['calendar', 'diary']],
    ['a bad setting of all', { LOG_LEVEL: 'loud' }, /LOG_LEVEL must be one of/],
    ['a data folder that is a file', { DATA_DIR: file }, /cannot write to the data folder: .*set DATA_DIR to another/],
    ['a data folder that cannot be made', { DATA_DIR: '/sys/najimban' }, /cannot write to the data folder/],
    ['open access on every address', { HOST: '0.0.0.0' }, /HOST=0\.0\.0\.0 is not loopback/, few],
  ]
  await Promise.all(
    cases.map(async ([what, env, line, names]) => {
      const { env: settings } = await systemSettings(t)
      const started = runStart(t, { ...settings, ...env }, names)
      t.equal(await started.exited, 1, what)
      const lines = linesOf(started.output())
      t.ok(
        lines.some((said) => line.test(said)),
        `${what}: ${started.output()}`,
      )
      // Services start side by side: what all of them refuse may be said by more than one.
      t.ok(lines.length <= 3, `${what}: ${lines.length} lines\n${started.output()}`)
      t.notMatch(started.output(), /\n\s+at |again/, what)
    }),
  )
})

t.test('production refuses to start without secrets of its own, and says all that is wrong at once', async (t) => {
  const { env } = await systemSettings(t)
  const random = 'Zq8_v1RtYp0-wKe3Lm5NbX7cJd9HfGs2'
  const refusal = async (given: Record<string, string>, names?: string[]) => {
    const started = runStart(t, { ...env, NODE_ENV: 'production', ...given }, names)
    t.equal(await started.exited, 1)
    return started.output()
  }
  const [nothing, short, easy, published] = await Promise.all([
    refusal({ DIARY_LIST_MAX: 'many' }),
    refusal({ INTERNAL_SECRET: 'short' }, ['calendar']),
    refusal({ INTERNAL_SECRET: 'change'.repeat(8) }, ['calendar']),
    refusal({ INTERNAL_SECRET: random, API_KEYS: 'team:key,default:collector-key' }, ['collector']),
  ])
  t.match(nothing, /^INTERNAL_SECRET is missing/m)
  t.match(nothing, /^(identity|collector, identity): ENCRYPTION_KEYS \(or ENCRYPTION_KEYS_FILE\) is missing/m)
  t.match(nothing, /^diary: DIARY_LIST_MAX must be a number/m)
  t.match(short, /^INTERNAL_SECRET length must be at least 32/m)
  t.match(easy, /^INTERNAL_SECRET is too easy to guess/m)
  t.match(published, /API_KEYS has the published default key/)
  t.notMatch(published, random)
})

t.test('an unknown name is answered with the names that there are', async (t) => {
  const started = runStart(t, {}, ['calender'])
  t.equal(await started.exited, 64)
  t.match(started.output(), 'There is no process calender; there are gateway, calendar, diary, collector, identity.')
})
