import path from 'node:path'
import t from 'tap'
import { apiKeysSetting, type ApiKeysConfig } from './api-keys.ts'
import {
  adminHost,
  commonSettings,
  ConfigError,
  DEFAULT_API_KEYS,
  isLoopback,
  readConfig,
  toolEnv,
  type CommonConfig,
} from './config.ts'

t.test('without any setting everything has a default that works on this machine', async (t) => {
  const config = readConfig(commonSettings, {})
  t.match(config, { NODE_ENV: 'development', HOST: '127.0.0.1', ACCESS: 'open', LOG_LEVEL: 'info' })
  t.equal(config.DATA_DIR, 'data')
  t.equal(readConfig(commonSettings, { DATA_DIR: 'x' }).DATA_DIR, path.resolve('x'))
  t.ok(Object.isFrozen(config))
  for (const [name, value] of Object.entries(config)) t.ok(value !== undefined, name)
})

t.test('an empty variable is one that is not set', async (t) => {
  const config = readConfig(commonSettings, {
    HOST: '',
    LOG_DIR: '',
    ACCESS: '',
    INTERNAL_SECRET: '',
    LOG_MAX_FILES: '',
  })
  t.match(config, { HOST: '127.0.0.1', ACCESS: 'open', LOG_MAX_FILES: 5 })
  t.notOk('LOG_DIR' in config)
})

t.test('every fault is told at once, by the name of its variable', async (t) => {
  const env = {
    HOST: 'not a host',
    ACCESS: 'closed',
    LOG_LEVEL: 'loud',
    LOG_MAX_BYTES: 'many',
    BODY_MAX_BYTES: '-1',
    WRITE_BATCH_MAX: '1.5',
    INTERNAL_SECRET: 'short',
    HEADERS_TIMEOUT_MS: '',
  }
  try {
    readConfig(commonSettings, env)
    t.fail('it was accepted')
  } catch (error) {
    t.ok(error instanceof ConfigError)
    const lines = (error as Error).message.split('\n')
    t.equal(lines.length, 7, (error as Error).message)
    for (const name of Object.keys(env)) {
      if (name !== 'HEADERS_TIMEOUT_MS')
        t.ok(
          lines.some((line) => line.startsWith(`${name} `)),
          name,
        )
    }
    t.notMatch((error as Error).message, '"')
  }
})

t.test('what is no setting is not in the config', async (t) => {
  t.notOk('PATH' in readConfig(commonSettings, { PATH: '/bin', HOME: '/root' }))
})

t.test('every setting has a sentence for the table of settings', async (t) => {
  for (const [name, schema] of Object.entries(commonSettings)) {
    const { flags } = schema.describe() as { flags?: { description?: string } }
    t.match(flags?.description, /\w+ \w+/, name)
  }
})

t.test('loopback is what only this machine reaches', async (t) => {
  for (const host of ['127.0.0.1', '127.1.2.3', 'localhost', '::1', '[::1]']) t.ok(isLoopback(host), host)
  for (const host of ['0.0.0.0', '::', '10.0.0.1', '127.0.0.1.evil.example', 'localhost.example', '128.0.0.1', '']) {
    t.notOk(isLoopback(host), host)
  }
})

t.test('API keys are tenant:key[:role], and anything else is refused by name', async (t) => {
  const settings = { ...commonSettings, API_KEYS: apiKeysSetting }
  const read = (API_KEYS: string) => (readConfig(settings, { API_KEYS }) as { API_KEYS?: string }).API_KEYS
  t.equal(read(''), 'default:collector-key')
  t.equal(read('a:1, b:2:viewer'), 'a:1, b:2:viewer')
  for (const wrong of ['a', 'a:', ':1', 'a:1:ROLE', 'a:1,,b:2', 'a:1:r:x', 'a b:1', `${'t'.repeat(65)}:1`]) {
    t.throws(() => read(wrong), { name: 'ConfigError', message: /^API_KEYS must be a list of tenant:key/ }, wrong)
  }
})

t.test('a tool on a production system needs none of its secrets, and reads the same defaults', async (t) => {
  const read = (env: NodeJS.ProcessEnv) =>
    readConfig<CommonConfig & ApiKeysConfig>(
      { ...commonSettings, API_KEYS: apiKeysSetting },
      toolEnv({ NODE_ENV: 'production', ...env }),
    )
  t.match(read({ HOST: '0.0.0.0', ACCESS: '' }), { ACCESS: 'required', API_KEYS: 'none' })
  t.match(read({ API_KEYS: 'team:key' }), { API_KEYS: 'team:key' })
  t.throws(() => read({ HOST: '0.0.0.0', ACCESS: 'open' }), /ACCESS must be required/)
  const other = { NODE_ENV: 'test' }
  t.equal(toolEnv(other), other)
})

t.test('the published default key is good on this machine only, and so are the admin pages', async (t) => {
  const gatewaySettings = { ...commonSettings, API_KEYS: apiKeysSetting }
  const read = (env: Record<string, string>) => readConfig<CommonConfig & ApiKeysConfig>(gatewaySettings, env)
  t.equal(read({}).API_KEYS, DEFAULT_API_KEYS)
  t.throws(() => read({ HOST: '0.0.0.0', ACCESS: 'required' }), /API_KEYS is the published default/)
  t.equal(read({ HOST: '0.0.0.0', ACCESS: 'required', API_KEYS: 'a:b' }).API_KEYS, 'a:b')
  const proxied = { ACCESS: 'required', PUBLIC_URL: 'https://najimban.example' }
  t.throws(() => read(proxied), /API_KEYS .* PUBLIC_URL=https:\/\/najimban.example lets others/, 'behind a proxy, too')
  t.equal(read({ ...proxied, API_KEYS: 'none' }).API_KEYS, 'none')
  for (const host of ['localhost', '127.0.0.1', '[::1]']) {
    t.equal(read({ PUBLIC_URL: `http://${host}:5000` }).API_KEYS, DEFAULT_API_KEYS, host)
  }
  t.same(
    [adminHost('0.0.0.0'), adminHost('localhost'), adminHost('127.0.0.2')],
    ['127.0.0.1', 'localhost', '127.0.0.2'],
  )
})
