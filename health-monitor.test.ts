import { existsSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { until } from '#shared/test/until.ts'
import type { jsonReport } from './scripts/monitor/report-json.ts'
import { runProgram, settingsFor } from './scripts/monitor/test/run-program.ts'
import { startSystem, systemSettings } from './scripts/test/system.ts'

t.setTimeout(110_000)

type Document = ReturnType<typeof jsonReport>

const health = (args: string[], env: Record<string, string>) => runProgram('health-monitor.ts', args, env)

const settingsOf = async (t: Test) => (await systemSettings(t)).env

t.test('when nothing is started it is down, says how to start it, and the exit code is 2', async (t) => {
  const env = await settingsOf(t)
  const { code, out } = await health([], env)
  t.equal(code, 2)
  t.match(out, 'Grade F')
  t.match(out, 'the connection was refused')
  t.match(out, 'npm start')
  const korean = await health([], { ...env, LC_ALL: 'ko_KR.UTF-8' })
  t.match(korean.out, '등급 F')
  t.match(korean.out, '지난 실행 대비')
})

t.test('a history that cannot be opened and a missing key are remarks, not an end', async (t) => {
  const env = await settingsOf(t)
  const file = path.join(path.dirname(env.DATA_DIR), 'a-file')
  writeFileSync(file, '')
  const { code, out, err } = await health(['--load', '--rate', '1'], { ...env, DATA_DIR: file })
  t.equal(code, 2)
  t.equal(err, '')
  t.match(out, 'History is not kept')
  t.match(out, 'There is no monitor key')
  t.match(out, 'No load was sent')
})

t.test('wrong usage is one line that names the flag, and the exit code is 64', async (t) => {
  const env = await settingsOf(t)
  const cases: [string[], RegExp][] = [
    [['--jsn'], /^health: Unknown option '--jsn'\n$/],
    [['--load', '--rate', 'x'], /^health: --rate must be a whole number from 1 to 5000, not "x"\n$/],
    [['--targets', 'none.json'], /^health: --targets none\.json: cannot be read\n$/],
    [['--baseline', 'none.json'], /^health: --baseline none\.json: cannot be read\n$/],
    [['--baseline', 'package.json'], /^health: --baseline package\.json: is not a JSON report/],
    [['--html', '/no/such/folder/a.html'], /^health: --html .*cannot be written \(ENOENT\)\n$/],
  ]
  const ended = await Promise.all(cases.map(([args]) => health(args, env)))
  for (const [index, [args, message]] of cases.entries()) {
    t.equal(ended[index]?.code, 64, args.join(' '))
    t.match(ended[index]?.err, message)
  }
  const badSetting = await health([], { ...env, DIARY_PORT: 'x' })
  t.equal(badSetting.code, 64)
  t.match(badSetting.err, /^health: DIARY_PORT must be a number/)
  t.match((await health(['--help'], env)).out, /Exit code: 0 healthy/)
})

t.test('the running system', { timeout: 100_000 }, async (t) => {
  const system = await startSystem(t)
  const folder = path.dirname(system.dataDir)
  const env = settingsFor(system)
  const at = (name: string) => path.join(folder, name)

  await t.test('is healthy, and --json prints nothing but JSON', async (t) => {
    const { code, out, err } = await health(['--json'], env)
    t.equal(err, '')
    const document = JSON.parse(out) as Document
    t.same(
      [...document.targets.flatMap(({ checks }) => checks), ...document.checks].filter(({ ok }) => !ok),
      [],
    )
    t.equal(code, 0)
    t.match(document, { schema: 'najimban-health/1', verdict: 'healthy', grade: 'A', exit_code: 0 })
    t.same(
      document.targets.map(({ name, state }) => `${name} ${state}`),
      ['gateway healthy', 'calendar healthy', 'diary healthy', 'collector healthy', 'identity healthy'],
    )
    for (const { name, facts } of document.targets) {
      t.ok(facts.rss_bytes! > 1e6 && facts.uptime_s! > 0 && facts.loop_p99_ms !== undefined && facts.pid! > 0, name)
      t.equal(facts.file_bytes !== undefined, name !== 'gateway')
    }
    t.ok(existsSync(path.join(system.dataDir, 'health.sqlite')))
  })

  await t.test('is held against a baseline from a file and from the history', async (t) => {
    const { out } = await health(['--json'], env)
    const report = at('baseline.json')
    writeFileSync(report, out)
    t.match((await health(['--baseline', report], env)).out, 'against the baseline')
    t.match((await health(['--baseline'], env)).out, 'No baseline of this kind was set')
    t.match((await health(['--baseline', 'set'], env)).out, 'This run is the baseline')
    t.match((await health([], env)).out, 'against the baseline')
  })

  await t.test('is watched until Ctrl-C, one line of JSON for each look', async (t) => {
    const { code, out } = await runProgram('health-monitor.ts', ['--watch', '1', '--json'], env, async (kill, said) => {
      await until('two looks', () => said().trim().split('\n').length >= 2, 20_000)
      kill('SIGINT')
    })
    t.equal(code, 0)
    const lines = out.trim().split('\n')
    t.ok(lines.length >= 2)
    for (const line of lines) t.match(JSON.parse(line), { verdict: 'healthy' })
  })

  await t.test('is down by name when a process hangs', async (t) => {
    const pid = await system.pidOf('diary')
    process.kill(pid, 'SIGSTOP')
    t.teardown(() => process.kill(pid, 'SIGCONT'))
    const { code, out } = await health(['--json'], env)
    process.kill(pid, 'SIGCONT')
    t.equal(code, 2)
    const document = JSON.parse(out) as Document
    t.match(document, { verdict: 'down', grade: 'F' })
    const diary = document.targets.find(({ name }) => name === 'diary')
    t.equal(diary?.state, 'down')
    t.match(diary?.checks[0], { name: 'live', ok: false, message: 'no whole answer within 2000 ms' })
  })
})
