import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import t from 'tap'
import { SECRET } from '../test/collector.ts'
import { signedHeaders } from './webhook.ts'

const DOCS = readFileSync(path.join(import.meta.dirname, '../../../../docs/collector-alerts.md'), 'utf8')
const blockOf = (language: string): string => new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``).exec(DOCS)?.[1] ?? ''
const NOW = 1_795_251_000_000
const BODY = '{"이름":"값"}'

type Verify = (headers: Record<string, string>, body: string, secret: string, now: number) => boolean

/** What each message is found to be. */
const CASES = (verify: Verify): [string, boolean, boolean][] => {
  const headers = signedHeaders('id', BODY, SECRET, NOW)
  const older = { ...headers, 'webhook-signature': `v1,${'A'.repeat(43)}= ${headers['webhook-signature']}` }
  return [
    ['as it was sent', true, verify(headers, BODY, SECRET, NOW)],
    ['four minutes later', true, verify(headers, BODY, SECRET, NOW + 240_000)],
    ['with a second signature', true, verify(older, BODY, SECRET, NOW)],
    ['six minutes later', false, verify(headers, BODY, SECRET, NOW + 360_000)],
    ['another body', false, verify(headers, `${BODY} `, SECRET, NOW)],
    ['another id', false, verify({ ...headers, 'webhook-id': 'other' }, BODY, SECRET, NOW)],
    ['another secret', false, verify(headers, BODY, SECRET.replace('whsec_Y', 'whsec_Z'), NOW)],
  ]
}

t.test('the receiver in Node that the documents show tells right from wrong', async (t) => {
  const file = path.join(t.testdir({}), 'verify.mjs')
  writeFileSync(file, blockOf('js'))
  const { verify } = (await import(file)) as { verify: Verify }
  for (const [what, expected, found] of CASES(verify)) t.equal(found, expected, what)
})

t.test('and so does the one in Python', (t) => {
  if (spawnSync('python3', ['--version']).status !== 0) {
    t.pass('there is no python3 here')
    return t.end()
  }
  const verify: Verify = (headers, body, secret, now) => {
    const call = `${blockOf('python')}\nimport json, sys\nh, b, s, n = json.loads(sys.argv[1])\nprint(verify(h, b.encode(), s, n / 1000))`
    const { stdout, stderr } = spawnSync('python3', ['-c', call, JSON.stringify([headers, body, secret, now])], {
      encoding: 'utf8',
    })
    t.equal(stderr, '')
    return stdout.trim() === 'True'
  }
  for (const [what, expected, found] of CASES(verify)) t.equal(found, expected, what)
  t.end()
})
