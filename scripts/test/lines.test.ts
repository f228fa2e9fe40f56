import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { lineCoverage } from './lines.ts'

const PARTLY = `export function both(flag) {
  if (flag) {
    return 'first'
  }
  return 'second'
}
export function never() {
  return 'nothing'
}
`

t.test('a line counts when any process ran it', async (t) => {
  const root = t.testdir({
    code: {
      'partly.mjs': PARTLY,
      'first.mjs': `import { both } from './partly.mjs'\nboth(true)\n`,
      'second.mjs': `import { both } from './partly.mjs'\nboth(false)\n`,
      'nobody-loads-it.mjs': PARTLY,
      'a.test.ts': `import { both } from './partly.mjs'\nimport './test/used.mjs'\n`,
      test: { 'used.mjs': `export const used = true\n` },
    },
    coverage: {},
  })
  const folder = path.join(root, 'coverage')
  const run = (file: string) =>
    spawnSync(process.execPath, [path.join(root, 'code', file)], { env: { NODE_V8_COVERAGE: folder } })
  const percent = () => {
    const coverage = lineCoverage(path.join(root, 'code'))
    coverage.add(folder)
    return coverage.percent()
  }
  t.equal(percent(), 0, 'nothing ran')
  run('a.test.ts')
  t.equal(percent(), 22.22, 'the heads of two functions, of 9 lines; the test and what it uses are not counted')
  run('first.mjs')
  t.equal(percent(), 72.73, 'all of its own 2 lines, and 6 of those 9')
  run('second.mjs')
  t.equal(percent(), 84.62, 'all but the 2 of what nobody calls')
})

t.test('what a process that was killed left of it does no harm, nor a file that is gone', (t) => {
  const [root, folder] = [t.testdir({ code: {}, coverage: {} }), path.join(t.testdirName, 'coverage')]
  const url = pathToFileURL(path.join(root, 'code', 'gone.mjs')).href
  writeFileSync(path.join(folder, 'gone.json'), JSON.stringify({ result: [{ url, functions: [] }] }))
  writeFileSync(path.join(folder, 'killed.json'), '{"result":[{"url":"fi')
  const coverage = lineCoverage(path.join(root, 'code'))
  coverage.add(folder)
  t.equal(coverage.percent(), 0)
  t.end()
})
