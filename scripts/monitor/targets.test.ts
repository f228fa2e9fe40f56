import { writeFileSync } from 'node:fs'
import path from 'node:path'
import t, { type Test } from 'tap'
import { readConfig } from '#shared/config.ts'
import { accessOf, keyHeaders } from './access.ts'
import { LIMITS } from './limits.ts'
import { monitorKeyOf, monitorSettings } from './settings.ts'
import { mayLoad, readTargets } from './targets.ts'

const config = (env: NodeJS.ProcessEnv = {}) => readConfig(monitorSettings, env)

const fileOf = (t: Test, content: unknown) => {
  const file = path.join(t.testdir({}), 'targets.json')
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

t.test('without a file the processes are where the environment places them', async (t) => {
  const { targets } = readTargets(config({ DIARY_PORT: '6002' }))
  t.same(
    targets.map(({ name, url, admin, critical }) => [name, url, admin, critical]),
    [
      ['gateway', 'http://127.0.0.1:5000', 'http://127.0.0.1:5100', true],
      ['calendar', 'http://127.0.0.1:5001', 'http://127.0.0.1:5101', true],
      ['diary', 'http://127.0.0.1:6002', 'http://127.0.0.1:6102', true],
      ['collector', 'http://127.0.0.1:5003', 'http://127.0.0.1:5103', true],
      ['identity', 'http://127.0.0.1:5004', 'http://127.0.0.1:5104', true],
    ],
  )
  t.ok(targets.every(mayLoad))
})

t.test('a listener on every address is asked on this machine', async (t) => {
  const at = (HOST: string) => readTargets(config({ HOST, ACCESS: 'required', API_KEYS: 'team:key' })).targets[0]?.url
  t.equal(at('0.0.0.0'), 'http://127.0.0.1:5000')
  t.equal(at('10.1.2.3'), 'http://10.1.2.3:5000')
})

t.test('a file names other targets, and its budgets and limits go over the defaults', async (t) => {
  const file = fileOf(t, {
    targets: [
      { name: 'gateway', url: 'http://10.0.0.1:8080/', contract: 'gateway', load: true },
      { name: 'wiki', url: 'https://wiki.example.org', critical: false },
    ],
    budgets: { 'GET /timeline': { p99_ms: 400 }, 'GET /mine': { error_rate: 0 } },
    limits: { rss_bytes: 1 },
  })
  const { targets, budgets, limits } = readTargets(config(), file)
  t.match(targets, [
    { url: 'http://10.0.0.1:8080', admin: 'http://10.0.0.1:8180', critical: true },
    { url: 'https://wiki.example.org', admin: 'https://wiki.example.org:543', contract: 'any', critical: false },
  ])
  t.same(targets.map(mayLoad), [true, false])
  t.same(budgets['GET /timeline'], { p50_ms: 25, p99_ms: 400, error_rate: 0.001 })
  t.same(budgets['GET /mine'], { error_rate: 0 })
  t.same(limits, { ...LIMITS, rss_bytes: 1 })
  t.equal(readTargets(config(), fileOf(t, { limits: {} })).targets.length, 5, 'targets may be left out')
})

t.test('a file that is none, or says something else, is refused in one line with its name', async (t) => {
  const cases: [unknown, RegExp][] = [
    ['{', /targets\.json: is not JSON$/],
    [{ targets: [] }, /targets must contain at least 1/],
    [{ targets: [{ name: 'a', url: 'ftp://x' }] }, /targets\[0\]\.url must be a valid uri/],
    [{ targets: [{ name: 'a', url: 'http://x', contract: 'cache' }] }, /targets\[0\]\.contract must be one of/],
    [{ budgets: { 'GET /': { p98_ms: 1 } } }, /p98_ms is not allowed/],
    [{ target: [] }, /target is not allowed/],
  ]
  for (const [content, message] of cases) t.throws(() => readTargets(config(), fileOf(t, content)), message)
  t.throws(() => readTargets(config(), '/no/such.json'), /^\/no\/such\.json: cannot be read$|cannot be read/)
})

t.test("the monitor's key is the variable, else the file that start leaves", async (t) => {
  const folder = t.testdir({ 'monitor.key': 'from-the-file\n' })
  t.equal(monitorKeyOf({ DATA_DIR: folder }), 'from-the-file')
  t.equal(monitorKeyOf({ DATA_DIR: folder, MONITOR_KEY: 'given' }), 'given')
  t.equal(monitorKeyOf({ DATA_DIR: path.join(folder, 'none') }), undefined)
  const { apiKey } = accessOf(config({ API_KEYS: 'teamA:teamA-key:reader, default:x' }))
  t.same(apiKey, { tenant: 'teamA', key: 'teamA-key' })
})

t.test('a key of identity takes the place of the one of the collector, which nobody sees then', async (t) => {
  const { apiKey } = accessOf(config({ API_KEYS: 'teamA:teamA-key', NAJIMBAN_KEY: 'njm_id_secret' }))
  t.same(apiKey, { key: 'njm_id_secret' })
  t.same(keyHeaders(apiKey), { 'x-api-key': 'njm_id_secret' }, 'its tenant is in it')
})
