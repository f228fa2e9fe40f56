import t from 'tap'
import { languageOf, readOptions, UsageError } from './args.ts'
import { readLoadOptions } from './load-args.ts'

t.test('without flags it looks once and prints a table', async (t) => {
  t.same(readOptions([]), { json: false, help: false })
})

t.test('every flag is read', async (t) => {
  const line =
    '--json --junit a.xml --html b.html --load --connections 4 --rate 9 --duration 3 --lang ko --targets t.json'
  t.same(readOptions(line.split(' ')), {
    json: true,
    help: false,
    junit: 'a.xml',
    html: 'b.html',
    lang: 'ko',
    targets: 't.json',
    load: { connections: 4, rate: 9, duration_s: 3 },
  })
})

t.test('the values of --watch and --baseline may be left out', async (t) => {
  t.equal(readOptions(['--watch']).watch_s, 5)
  t.equal(readOptions(['--watch', '--json']).watch_s, 5)
  t.equal(readOptions(['--watch', '9']).watch_s, 9)
  t.equal(readOptions(['--baseline']).baseline, 'stored')
  t.equal(readOptions(['--baseline', '--load']).baseline, 'stored')
  t.equal(readOptions(['--baseline', 'set']).baseline, 'set')
  t.equal(readOptions(['--baseline=old.json']).baseline, 'old.json')
})

t.test('wrong usage is refused in one line that names the flag', async (t) => {
  const refused: [string[], RegExp][] = [
    [['--jsom'], /^Unknown option '--jsom'$/],
    [['extra'], /^Unexpected argument 'extra'$/],
    [['--html'], /--html/],
    [['--html='], /^--html needs a file$/],
    [['--json=yes'], /--json/],
    [['--load', '--rate', '1e3'], /^--rate must be a whole number from 1 to 5000, not "1e3"$/],
    [['--load', '--rate', '0'], /^--rate must be/],
    [['--load', '--connections', '201'], /^--connections must be a whole number from 1 to 200/],
    [['--load', '--duration', '301'], /^--duration must be/],
    [['--rate', '5'], /^--rate needs --load$/],
    [['--watch', 'soon'], /^--watch must be/],
    [['--lang', 'fr'], /^--lang must be ko or en, not "fr"$/],
  ]
  for (const [argv, message] of refused) {
    const error = t.throws(() => readOptions(argv), message, argv.join(' ')) as UsageError
    t.ok(error instanceof UsageError, argv.join(' '))
    t.notMatch(error.message, '\n')
  }
})

t.test('the language is the flag, else the locale, else English', async (t) => {
  t.equal(languageOf('en', { LANG: 'ko_KR.UTF-8' }), 'en')
  t.equal(languageOf(undefined, { LC_ALL: 'C.UTF-8', LANG: 'ko_KR.UTF-8' }), 'en')
  t.equal(languageOf(undefined, { LC_ALL: '', LANG: 'ko_KR.UTF-8' }), 'ko')
  t.equal(languageOf(undefined, { LANG: 'ko' }), 'ko')
  t.equal(languageOf(undefined, { LANG: 'kok_IN' }), 'en', 'Konkani is not Korean')
  t.equal(languageOf(undefined, {}), 'en')
})

t.test('npm run load takes a route, a body from the line or a file, and headers', async (t) => {
  const folder = t.testdir({ 'body.json': '{"title":"산책"}' })
  const given = readLoadOptions(['--route', '/a?b=c', '--method', 'post', '--body', '{"x":1}', '--header', 'X-A: b'])
  t.match(given, { method: 'POST', body: '{"x":1}', headers: { 'content-type': 'application/json', 'x-a': 'b' } })
  t.equal(readLoadOptions(['--route', '/a', '--body', `${folder}/body.json`]).body, '{"title":"산책"}')
  t.match(readLoadOptions(['--route', '/a']), { method: 'GET', connections: 10, rate: 100, duration_s: 10 })
})

t.test('npm run load goes nowhere but to a path of the gateway', async (t) => {
  for (const route of ['', 'http://example.org/', '//example.org/', 'api', '/a b', '/a\r\nx: y', '/한']) {
    t.throws(() => readLoadOptions(['--route', route]), /^--route must be a path/, route)
  }
  t.throws(() => readLoadOptions([]), /--route/)
  t.throws(() => readLoadOptions(['--route', '/a', '--method', 'HEAD']), /^--method must be one of/)
  t.throws(() => readLoadOptions(['--route', '/a', '--header', 'nonsense']), /^--header must be/)
  t.throws(() => readLoadOptions(['--route', '/a', '--header', 'a: b\r\nc: d']), /^--header must be/)
  t.throws(() => readLoadOptions(['--route', '/a', '--body', 'no-such-file']), /^--body no-such-file/)
  t.throws(() => readLoadOptions(['--rout', '/a']), /^Unknown option '--rout'$/)
})
