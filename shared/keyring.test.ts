import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { commonSettings, ConfigError, readConfig, type CommonConfig, type Settings } from './config.ts'
import { SealRefused } from './envelope.ts'
import { createKeyring, keyringSettings, openKeyring, type KeyringConfig } from './keyring.ts'

const AAD = { table: 'notes', column: 'text_sealed', row: '1', owner: 'kim' }
const settings: Settings<CommonConfig & KeyringConfig> = { ...commonSettings, ...keyringSettings }
const newKey = () => randomBytes(32).toString('base64')

/** The folder matters only where no keys are given. */
const ringOf = (env: NodeJS.ProcessEnv) =>
  openKeyring(readConfig(settings, { NODE_ENV: 'test', DATA_DIR: '/nowhere', ...env }))

const faultOf = (open: () => unknown): string => {
  try {
    open()
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
  return ''
}

t.test('the first key seals, and every key of the ring opens', (t) => {
  const [one, two] = [newKey(), newKey()]
  const before = ringOf({ ENCRYPTION_KEYS: `a:${one}` })
  const sealed = before.seal('비밀', AAD)
  const after = ringOf({ ENCRYPTION_KEYS: `b:${two}, a:${one}` })
  t.same([after.primary, after.ids], ['b', ['b', 'a']])
  t.equal(after.open(sealed, AAD).toString(), '비밀')
  t.equal(before.needsRotation(sealed), false)
  t.equal(after.needsRotation(sealed), true)
  const moved = after.resealed(sealed, AAD)
  t.equal(after.needsRotation(moved), false)
  t.equal(
    ringOf({ ENCRYPTION_KEYS: `b:${two}` })
      .open(moved, AAD)
      .toString(),
    '비밀',
  )
  t.end()
})

t.test('a value whose key is not in the ring names the key and the setting', (t) => {
  const sealed = ringOf({ ENCRYPTION_KEYS: `old:${newKey()}` }).seal('x', AAD)
  const ring = ringOf({ ENCRYPTION_KEYS: `new:${newKey()}` })
  t.match(
    faultOf(() => ring.open(sealed, AAD)),
    /ENCRYPTION_KEYS lacks the key "old".*notes\.text_sealed/,
  )
  t.match(
    faultOf(() => ring.resealed(sealed, AAD)),
    'ENCRYPTION_KEYS',
  )
  t.throws(() => ring.open(Buffer.from('no sealed value'), AAD), SealRefused)
  const namesake = ringOf({ ENCRYPTION_KEYS: `old:${newKey()}` })
  t.throws(() => namesake.open(sealed, AAD), SealRefused, 'another key of the same id')
  t.end()
})

t.test('faulty keys are refused in words that name the variable and give no key away', (t) => {
  const key = newKey()
  const faults: [string, RegExp][] = [
    [key, /must be a list of id:base64/],
    [`a:${key},`, /must be a list of id:base64/],
    [`../a:${key}`, /must be a list of id:base64/],
    [`a:${randomBytes(31).toString('base64')}`, /a key a of 31 bytes instead of 32/],
    [`a:${randomBytes(16).toString('base64')}`, /of 16 bytes/],
    ['a:', /of 0 bytes/],
    [`a:${key.slice(0, -1)}`, /a that is not base64/],
    [`a:${'-'.repeat(43)}=`, /must be a list of id:base64/],
    [`a:${Buffer.alloc(32).toString('base64')}`, /a that is too easy to guess/],
    [`a:${Buffer.from('passwordpasswordpasswordpassword').toString('base64')}`, /too easy to guess/],
    [`a:${key},a:${newKey()}`, /the same id twice: a/],
    [`a:${key},b:${key}`, /the same key twice: b/],
  ]
  for (const [value, expected] of faults) {
    const fault = faultOf(() => ringOf({ ENCRYPTION_KEYS: value }))
    t.match(fault, expected, value)
    t.match(fault, /^ENCRYPTION_KEYS /)
    t.notMatch(fault, key.slice(0, 8))
  }
  t.end()
})

t.test('keys come from a file with one a line, too', (t) => {
  const [one, two] = [newKey(), newKey()]
  const folder = t.testdir({
    keys: `# the first one seals\r\nb:${two}\r\n\n a:${one} \n`,
    empty: '\n# nothing\n',
    short: 'a:AAAA\n',
  })
  const from = (name: string) => ringOf({ ENCRYPTION_KEYS_FILE: path.join(folder, name) })
  t.same(from('keys').ids, ['b', 'a'])
  t.match(
    faultOf(() => from('empty')),
    /^ENCRYPTION_KEYS_FILE has no key .*empty/,
  )
  t.match(
    faultOf(() => from('short')),
    /^ENCRYPTION_KEYS_FILE has a key a of 3 bytes .*short/,
  )
  t.match(
    faultOf(() => from('missing')),
    /^ENCRYPTION_KEYS_FILE cannot be read: .*missing/,
  )
  const both = { ENCRYPTION_KEYS: `a:${one}`, ENCRYPTION_KEYS_FILE: path.join(folder, 'keys') }
  t.match(
    faultOf(() => ringOf(both)),
    /both set/,
  )
  t.end()
})

t.test('outside production a key file of its own is made once, for its owner only', (t) => {
  const DATA_DIR = path.join(t.testdir({}), 'data')
  const sealed = ringOf({ DATA_DIR }).seal('x', AAD)
  t.equal(ringOf({ DATA_DIR }).open(sealed, AAD).toString(), 'x')
  t.same(readdirSync(DATA_DIR), ['encryption.keys'])
  t.equal(statSync(path.join(DATA_DIR, 'encryption.keys')).mode & 0o777, 0o600)
  writeFileSync(path.join(DATA_DIR, 'encryption.keys'), 'own:short\n')
  t.match(
    faultOf(() => ringOf({ DATA_DIR })),
    /encryption\.keys/,
  )
  t.end()
})

t.test('production does not start on a key file that nobody asked for', (t) => {
  const env = { NODE_ENV: 'production', INTERNAL_SECRET: 'abcdefghijklmnopqrstuvwxyz0123456789' }
  t.match(
    faultOf(() => ringOf(env)),
    /ENCRYPTION_KEYS \(or ENCRYPTION_KEYS_FILE\) is missing/,
  )
  t.match(
    faultOf(() => openKeyring({ NODE_ENV: 'production', DATA_DIR: t.testdir({}) })),
    /ENCRYPTION_KEYS/,
  )
  t.ok(ringOf({ ...env, ENCRYPTION_KEYS: `a:${newKey()}` }))
  t.end()
})

t.test('processes that start at the same moment agree on the key', async (t) => {
  const folder = t.testdir({ 'open.mjs': '' })
  const keyring = new URL('./keyring.ts', import.meta.url).href
  writeFileSync(
    path.join(folder, 'open.mjs'),
    `import { openKeyring } from ${JSON.stringify(keyring)}
     process.send('loaded')
     process.once('message', () => {
       process.send(openKeyring({ NODE_ENV: 'test', DATA_DIR: ${JSON.stringify(path.join(folder, 'data'))} }).primary)
       process.disconnect()
     })`,
  )
  const children = Array.from({ length: 6 }, () => fork(path.join(folder, 'open.mjs'), { execArgv: [] }))
  const said = (child: (typeof children)[number]) =>
    new Promise<unknown>((resolve, reject) => {
      child.once('message', resolve)
      child.once('error', reject)
    })
  await Promise.all(children.map(said))
  const ids = Promise.all(children.map(said))
  for (const child of children) child.send('go')
  t.equal(new Set(await ids).size, 1)
  t.same(readdirSync(path.join(folder, 'data')), ['encryption.keys'])
  t.match(readFileSync(path.join(folder, 'data', 'encryption.keys'), 'utf8'), /^own-[0-9a-f]{8}:[^\n]{44}\n$/)
})

t.test('a ring of one key does what a longer one does', (t) => {
  const ring = createKeyring([{ id: 'a', key: randomBytes(32) }])
  t.ok(ring.open(ring.seal(Buffer.alloc(0), AAD), AAD).equals(Buffer.alloc(0)))
  t.end()
})
