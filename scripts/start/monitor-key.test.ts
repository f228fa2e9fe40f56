import { readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { monitorKey } from './monitor-key.ts'

t.test('a key is made once, for its owner only, and stays the same', async (t) => {
  const folder = path.join(t.testdir({}), 'data')
  const key = monitorKey(folder)
  t.match(key, /^[\da-f]{64}$/)
  t.equal(monitorKey(folder), key)
  const file = path.join(folder, 'monitor.key')
  t.equal(statSync(file).mode & 0o777, 0o600)
  t.equal(statSync(folder).mode & 0o777, 0o700)
  t.equal(readFileSync(file, 'utf8'), `${key}\n`)
})

t.test('a file that a power cut left empty or half written is made anew, a key of your own is kept', async (t) => {
  for (const rest of ['', '\n', 'abc']) {
    const folder = t.testdir({ 'monitor.key': rest })
    t.match(monitorKey(folder), /^[\da-f]{64}$/)
  }
  const folder = t.testdir({})
  writeFileSync(path.join(folder, 'monitor.key'), `${'my own key '.repeat(4)}\n`)
  t.equal(monitorKey(folder), 'my own key '.repeat(4).trim())
})
