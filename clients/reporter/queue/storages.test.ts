import { existsSync } from 'node:fs'
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import t, { type Test } from 'tap'
import { asyncStorage } from './async-storage.ts'
import { fileStorage } from './file-storage.ts'
import { memoryStorage, type QueueStorage } from './storage.ts'
import { webStorage, type WebStorageLike } from './web-storage.ts'

/** What a browser gives: the Storage interface of the HTML standard. */
function browserStore(): WebStorageLike {
  const texts = new Map<string, string>()
  return {
    get length() {
      return texts.size
    },
    key: (index) => [...texts.keys()][index] ?? null,
    getItem: (name) => texts.get(name) ?? null,
    setItem: (name, text) => void texts.set(name, text),
    removeItem: (name) => void texts.delete(name),
  }
}

function phoneStore() {
  const store = browserStore()
  return {
    getItem: async (name: string) => store.getItem(name),
    setItem: async (name: string, text: string) => store.setItem(name, text),
    removeItem: async (name: string) => store.removeItem(name),
    getAllKeys: async () => Array.from({ length: store.length }, (_, index) => store.key(index) as string),
  }
}

const STORAGES: Record<string, (t: Test) => QueueStorage> = {
  memory: memoryStorage,
  'localStorage-like': () => webStorage(browserStore()),
  'AsyncStorage-like': () => asyncStorage(phoneStore()),
  files: (t) => fileStorage(path.join(t.testdir({}), 'a', 'queue')),
}

for (const [kind, open] of Object.entries(STORAGES)) {
  t.test(`${kind}: texts are kept by name, listed by prefix, replaced and removed`, async (t) => {
    const storage = open(t)
    t.same(await storage.names('q:'), [], 'nothing is there at first')
    t.notOk(await storage.get('q:1'))
    const text = JSON.stringify({ 한글: '나침반'.normalize('NFD'), emoji: '👩‍👩‍👧', line: 'a\u2028b\r\n' })
    await storage.set('q:2', 'second')
    await storage.set('q:1', 'first')
    await storage.set('q:1', text)
    await storage.set('other:1', 'not ours')
    t.equal(await storage.get('q:1'), text)
    t.same([...(await storage.names('q:'))].sort(), ['q:1', 'q:2'])
    await storage.remove('q:1')
    await storage.remove('q:1')
    t.notOk(await storage.get('q:1'))
    t.same(await storage.names('q:'), ['q:2'])
    t.equal(await storage.get('other:1'), 'not ours')
  })
}

t.test('files: another process finds what was put there; nobody else on the machine can read it', async (t) => {
  const folder = path.join(t.testdir({}), 'queue')
  await fileStorage(folder).set('q:1', '{"status":{}}')
  t.equal(await fileStorage(folder).get('q:1'), '{"status":{}}')
  const [file] = await readdir(folder)
  t.notMatch(file, ':', 'a name that Windows can have')
  if (process.platform !== 'win32') {
    t.equal((await stat(path.join(folder, file as string))).mode & 0o777, 0o600)
    t.equal((await stat(folder)).mode & 0o777, 0o700)
  }
})

t.test('files: what a crash left half written is no report, and is cleared away when it is old', async (t) => {
  const folder = t.testdir({})
  const [old, young] = [path.join(folder, 'q%3A1.7-0.tmp'), path.join(folder, 'q%3A2.8-0.tmp')]
  await writeFile(old, '{"sta')
  await writeFile(young, '{"sta')
  await utimes(old, new Date(0), new Date(0))
  t.same(await fileStorage(folder).names('q:'), [])
  t.same([existsSync(old), existsSync(young)], [false, true], 'the young one may be in the making')
})

t.test('files: names that are none of ours are passed over, and a failing write leaves nothing behind', async (t) => {
  const folder = t.testdir({ '%E0%A4%A': 'not to be decoded', 'notes.txt': '' })
  const storage = fileStorage(folder)
  t.same(await storage.names('q:'), [])
  await mkdir(path.join(folder, 'q%3A1'))
  await t.rejects(Promise.resolve(storage.set('q:1', 'x')))
  t.same(
    (await readdir(folder)).filter((file) => file.endsWith('.tmp')),
    [],
  )
  await t.rejects(Promise.resolve(storage.get('q:1')), 'a folder is no text')
})

t.test('localStorage-like: where the browser has Web Locks one tab works at a time', async (t) => {
  const locks = { request: async <T>(_: string, work: () => Promise<T>) => work() }
  t.intercept(globalThis, 'navigator', { value: { locks } })
  t.equal(await webStorage(browserStore()).exclusive?.(async () => 7), 7)
  t.intercept(globalThis, 'navigator', { value: {} })
  t.equal(webStorage(browserStore()).exclusive, undefined)
})
