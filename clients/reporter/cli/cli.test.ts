import { existsSync, readdirSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { DEFAULT_API_KEYS as PUBLISHED } from '../../../shared/config.ts'
import { HERE } from '../test/build.ts'
import { ENV, report, reportHere } from '../test/command.ts'
import { DEFAULT_API_KEYS } from './access.ts'
import { batchCollector, localServer, realCollector, singleCollector } from '../test/servers.ts'

const SAMPLES = path.join(HERE, 'test/samples')
const lines = (count: number) => Array.from({ length: count }, (_, n) => `{"status":{},"n":${n}}\n`).join('')

t.test('a report, an array and one a line are sent to the collector', async (t) => {
  const dir = t.testdir({
    'one.json': '{\n  "status": { "api": "pass" },\n  "notes": ["한글"]\n}\n',
    'array.json': '[{"status":{"n":1}},\n {"status":{"n":2}}]',
    'lines.ndjson': '\ufeff{"status":{"n":3}}\r\n\r\n{"status":{"n":4},"notes":["a\u2028b"]}',
  })
  const { url, reports, count } = await realCollector(t, { DATA_DIR: path.join(dir, 'data') })
  const { code, out, err } = await report(['send', 'one.json', 'array.json', 'lines.ndjson', '--url', url], {
    env: ENV,
    cwd: dir,
  })
  t.same([code, out, err], [0, '5 stored\n', ''])
  t.equal(await count(), 5)
  const sent = (await reports()).map((each) => JSON.stringify(each))
  t.ok(sent.includes('{"status":{"n":4},"notes":["a\u2028b"]}'))
})

t.test(
  'a collector that was just started on this machine needs no key, and a report that is there is told so',
  async (t) => {
    t.equal(DEFAULT_API_KEYS, PUBLISHED)
    const { url, count } = await realCollector(t, { API_KEYS: PUBLISHED })
    const here = (env: NodeJS.ProcessEnv) => reportHere(['send', '-', '--url', url], { env, stdin: '{"status":{}}' })
    t.match(await here({}), { code: 0, out: '1 stored\n', err: '' })
    t.match(await here({ API_KEYS: '', NAJIMBAN_KEY: '' }), { code: 0, out: '0 stored, 1 already there\n', err: '' })
    t.equal(await count(), 1)
  },
)

t.test('standard input, a format, labels, a version and another tenant', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const args = [
    'send',
    '-',
    '--format',
    'junit',
    '--label',
    'decision=go',
    '--label',
    'ok=a=b',
    '--policy-version',
    'v7',
  ]
  const stdin = '<testsuite name="s"><testcase name="t"><failure message="m"/></testcase></testsuite>'
  const ran = await reportHere([...args, '--tenant', 'teamA'], { env: { ...ENV, NAJIMBAN_URL: url }, stdin })
  t.match(ran, { code: 0, out: '1 stored\n', err: '' })
  t.match(got[0]?.headers, { 'x-tenant': 'teamA', 'x-api-key': 'teamA-key' })
  t.match(JSON.parse(got[0]?.body as string), {
    labels: { decision: 'go', ok: 'a=b' },
    policy: { policy_version: 'v7', evaluations: [{ rule_id: 's > t', verdict: 'block' }] },
  })
})

t.test('every sample of every format is taken in by the collector', async (t) => {
  const { url, count } = await realCollector(t)
  const files = readdirSync(SAMPLES)
  for (const [format, end] of [
    ['junit', '.xml'],
    ['sarif', '.sarif.json'],
    ['policyreport', '.policyreports.json'],
  ] as const) {
    const chosen = files.filter((file) => file.endsWith(end)).map((file) => path.join(SAMPLES, file))
    const { code, out } = await reportHere(['send', '--url', url, '--format', format, ...chosen], { env: ENV })
    t.same([code, out], [0, `${chosen.length} stored\n`], format)
  }
  t.equal(await count(), files.length)
})

t.test('XML in EUC-KR and UTF-16 is read as what it says it is', async (t) => {
  const xml = (encoding: string) => `<?xml version="1.0" encoding="${encoding}"?><testsuite name="s"><testcase name="`
  const end = '"/></testsuite>'
  const korean = Buffer.concat([Buffer.from(xml('euc-kr')), Buffer.from([0xb0, 0xa1]), Buffer.from(end)])
  const wide = Buffer.from(`\ufeff${xml('utf-16')}가${end}`, 'utf16le')
  for (const stdin of [korean, wide]) {
    const { out } = await reportHere(['send', '-', '--format', 'junit', '--dry-run'], { stdin })
    t.match(out, '"rule_id":"s > 가"')
  }
  const odd = await reportHere(['send', '-', '--format', 'junit', '--dry-run'], { stdin: `${xml('klingon')}가${end}` })
  t.match(odd.out, '"rule_id":"s > 가"')
})

t.test('a dry run prints what would be sent, needs no key and sends nothing', async (t) => {
  const { url, got } = await localServer(t, singleCollector())
  const stdin = '{"status":{},"labels":{"mine":1}}\n{"status":7}\n'
  const { code, out, err } = await reportHere(['send', '-', '--dry-run', '--url', url, '--label', 'a=b'], { stdin })
  t.equal(out, '{"status":{},"labels":{"mine":1,"a":"b"}}\n')
  t.equal(err, 'standard input:2: a report must have an object `status`\n')
  t.equal(code, 1)
  t.equal(got.length, 0)
})

t.test('what is wrong is named by file and line, and the rest is sent', async (t) => {
  const dir = t.testdir({
    'lines.ndjson': '{"status":{}}\n{"status":{},}\nnull\n{"notes":[]}\n\n{"status":{"n":2}}\n{"status":{"api"',
    'pretty.json': '{\n  "status": {\n    "api": "pass"\n    "jwks": "na"\n  }\n}\n',
    'broken.xml': '<testsuite name="s">\n<testcase name="t">\n</testsuite>\n',
    'other.xml': '<?xml version="1.0"?>\n<html/>',
    'empty.json': ' \n',
    'not.sarif': '{"a": [1,\n2,\n3}',
    'data.json': '{}',
  })
  const { url, count } = await realCollector(t, { DATA_DIR: path.join(dir, 'data') })
  const ran = (...args: string[]) => report(['send', ...args, '--url', url, '--wait', '0'], { env: ENV, cwd: dir })
  const mixed = await ran('lines.ndjson', 'pretty.json', 'empty.json')
  t.match(mixed, { code: 1, out: '2 stored, 6 rejected\n' })
  t.match(mixed.err.split('\n'), [
    /^lines.ndjson:2: not JSON: /,
    'lines.ndjson:3: a report must be an object',
    'lines.ndjson:4: a report must have an object `status`',
    /^lines.ndjson:7: not JSON: /,
    /^pretty.json:4: not JSON: /,
    'empty.json:1: it is empty',
    '',
  ])
  t.match(await ran('broken.xml', 'other.xml', '--format', 'junit'), {
    code: 1,
    err: 'broken.xml:3: not XML: </testsuite> closes nothing that is open\nother.xml:2: not JUnit: the root element is <html>\n',
  })
  t.match(await ran('broken.xml'), {
    code: 1,
    err: /^broken.xml:1: not JSON: .* \(JUnit XML is read with --format junit\)$/m,
  })
  t.match(await ran('not.sarif', 'data.json', '--format', 'sarif'), {
    code: 1,
    err: /^not.sarif:3: not JSON: .*\ndata.json:1: not SARIF: there is no array `runs`\n$/,
  })
  t.equal(await count(), 2)
})

t.test('what the collector says of a report is told by its file and line', async (t) => {
  const { url } = await localServer(
    t,
    batchCollector(({ n }) => {
      if (n === 1) return { status: 'rejected', retryable: false, errors: [{ field: 'policy', message: 'is odd' }] }
      if (n === 2) return { status: 'quarantined', id: 'r', errors: [{ field: 'status.api', message: 'is new' }] }
      return { status: n === 3 ? 'duplicate' : 'stored' }
    }),
  )
  const ran = await reportHere(['send', '-', '--url', url], { env: ENV, stdin: lines(5) })
  t.same(ran, {
    code: 1,
    out: '2 stored, 1 already there, 1 stored in quarantine, 1 rejected\n',
    err:
      'standard input:2: rejected: policy is odd\n' +
      'standard input:3: stored, but it does not fit its schema: status.api is new\n',
  })
})

t.test('a collector that cannot be reached is exit code 2, and a folder keeps the reports for later', async (t) => {
  const dir = t.testdir({})
  const queue = path.join(dir, 'queue')
  const away = ['--url', 'http://127.0.0.1:9', '--wait', '1']
  const lost = await report(['send', '-', ...away], { env: ENV, stdin: lines(3) })
  t.match(lost, { code: 2, out: '0 stored, 3 not sent\n', err: /^http:\/\/127.0.0.1:9: \w/ })
  const kept = await report(['send', '-', ...away, '--queue', queue], { env: ENV, stdin: lines(3) })
  t.match(kept, { code: 2, out: `0 stored, 3 waiting in ${queue}\n` })
  const { url, count } = await realCollector(t, { DATA_DIR: path.join(dir, 'data') })
  t.match(await report(['flush', '--queue', queue, '--url', url], { env: ENV }), { code: 0, out: '3 stored\n' })
  t.equal(await count(), 3)
  t.match(await report(['flush', '--queue', queue, '--url', url], { env: ENV }), { code: 0, out: '0 stored\n' })
})

t.test('without a folder it stops reading where it cannot send, and says where', async (t) => {
  const away = ['send', '-', '--url', 'http://127.0.0.1:9', '--wait', '0']
  const ran = await reportHere(away, { env: ENV, stdin: lines(1500) })
  t.match(ran, { code: 2, out: '0 stored, 1000 not sent\n', err: /^standard input:1001: stopped here/ })
  const stopped = await reportHere(away, { env: ENV, stdin: lines(3), signal: AbortSignal.abort() })
  t.match(stopped, { code: 2, out: '0 stored, 0 not sent\n', err: /^standard input:1: stopped here/ })
})

t.test('what is damaged in the folder is told', async (t) => {
  const queue = path.join(t.testdir({}), 'queue')
  const away = ['--url', 'http://127.0.0.1:9', '--wait', '0', '--queue', queue]
  await reportHere(['send', '-', ...away], { env: ENV, stdin: lines(2) })
  const [oldest] = readdirSync(queue).sort()
  await writeFile(path.join(queue, oldest as string), '{"sta')
  const { url } = await localServer(t, singleCollector())
  t.match(await reportHere(['flush', '--queue', queue, '--url', url], { env: ENV }), {
    code: 1,
    out: '1 stored, 1 rejected\n',
    err: 'a report of an earlier run: dropped, its file is damaged\n',
  })
})

t.test('the time for which a collector is waited for begins when it is not there', async (t) => {
  const { url } = await localServer(t, (got, count) => (count < 2 ? { status: 503 } : singleCollector()(got, count)))
  const slow = Readable.from(
    (async function* () {
      yield Buffer.from('{"status":{}}\n')
      await new Promise((resolve) => setTimeout(resolve, 1100))
    })(),
  )
  const args = ['send', '-', '--url', url, '--wait', '1']
  t.match(await reportHere(args, { env: ENV, stdin: slow }), { code: 0, out: '1 stored\n' })
})

t.test('a collector that comes back within the time is waited for', async (t) => {
  const { url } = await localServer(t, (got, count) => (count < 3 ? { status: 503 } : singleCollector()(got, count)))
  t.match(await reportHere(['send', '-', '--url', url], { env: ENV, stdin: lines(2) }), { code: 0, out: '2 stored\n' })
})

t.test('a wrong key is exit code 77, a wrong address a collector that is not there', async (t) => {
  const { url } = await realCollector(t)
  const env = { NAJIMBAN_KEY: 'super-secret', NAJIMBAN_TENANT: 'default' }
  const refused = await reportHere(['send', '-', '--url', url], { env, stdin: lines(2) })
  t.match(refused, { code: 77, out: '0 stored, 2 not sent\n', err: /the key was refused, see NAJIMBAN_KEY.*X-Api-Key/ })
  t.notMatch(refused.out + refused.err, 'super-secret')
  const impossible = await reportHere(['send', '-', '--url', url], {
    env: { ...env, NAJIMBAN_KEY: 'a b' },
    stdin: lines(1),
  })
  t.match(impossible, { code: 77, err: /the key was refused.*character/ })
  const elsewhere = await localServer(t, () => ({ status: 404 }))
  t.match(await reportHere(['send', '-', '--url', elsewhere.url], { env, stdin: lines(1) }), { code: 2, err: /404/ })
})

t.test('wrong usage is exit code 64, with a sentence that says what to do', async (t) => {
  const dir = t.testdir({ folder: {}, 'a.json': '{"status":{}}' })
  const [file, folder] = [path.join(dir, 'a.json'), path.join(dir, 'folder')]
  const cases: [string[], RegExp, NodeJS.ProcessEnv?][] = [
    [[], /send or flush/],
    [['post', file], /send or flush/],
    [['send'], /say what to send/],
    [['send', 'missing.json'], /missing.json cannot be read: there is no such file/],
    [['send', folder], /is a folder/],
    [['send', file, '--format', 'yaml'], /--format must be one of qc, junit, sarif, policyreport, not yaml/],
    [['send', file, '--label', 'x'], /NAME=VALUE/],
    [['send', file, '--wait', 'long'], /--wait must be/],
    [['send', file, '--url', 'reports'], /url must be an address/],
    [['send', file, '--colour'], /--colour/],
    [['send', file, '--key', 'secret-1'], /never from the command line/],
    [['send', file, '--api-key=secret-1'], /never from the command line/],
    [['flush'], /needs --queue/],
    [['flush', file, '--queue', 'q'], /takes no files/],
    [['send', file, '--url', 'https://reports.example.org'], /there is no key/, {}],
    [['send', file, '--url', 'http://127.0.0.1.example.org'], /there is no key/, {}],
    [['send', file], /there is no key/, { API_KEYS: 'none' }],
    [['send', file, '--tenant', 'teamB'], /there is no key/, {}],
    [['send', file, '--tenant', 'teamB'], /API_KEYS has none for the tenant teamB/],
    [['send', file], /needs a tenant/, { NAJIMBAN_KEY: 'secret-1' }],
  ]
  await Promise.all(
    cases.map(async ([args, message, env = ENV]) => {
      const { code, out, err } = await reportHere(args, { env })
      t.same([code, out], [64, ''], args.join(' '))
      t.match(err, message)
      t.notMatch(err, 'secret-1')
    }),
  )
  const help = await reportHere(['--help'])
  t.match(help, {
    code: 0,
    out: /fresh start \(default:collector-key\)\.\nExit code: 0 all stored, 1 .* 2 .* 64 .* 77/,
  })
})

/** Opens, and fails when it is read. */
const UNREADABLE = '/proc/self/mem'

t.test('a file that fails while it is read is a sentence, too', { skip: !existsSync(UNREADABLE) }, async (t) => {
  t.match(await report(['send', UNREADABLE], { env: ENV }), { code: 64, out: '', err: /^report: E\w+: .*read\n$/ })
})
