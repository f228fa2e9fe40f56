import t from 'tap'
import { createApiKeys } from './api-keys.ts'

const keys = createApiKeys('default:collector-key, teamA:one:viewer,teamA:two,teamB:one')

t.test('a key is good for its tenant only, with its role', async (t) => {
  t.same(keys.verify('default', 'collector-key'), { tenant: 'default', role: 'admin', isNamed: false })
  t.same(keys.verify('teamA', 'one'), { tenant: 'teamA', role: 'viewer', isNamed: true })
  t.same(keys.verify('teamA', 'two'), { tenant: 'teamA', role: 'admin', isNamed: false }, 'a tenant may have several')
  t.same(
    keys.verify('teamB', 'one'),
    { tenant: 'teamB', role: 'admin', isNamed: false },
    'the same text is another key elsewhere',
  )
})

t.test('anything else is no key', async (t) => {
  for (const [tenant, secret] of [
    ['default', 'one'],
    ['default', ''],
    ['default', 'collector-key '],
    ['default', 'COLLECTOR-KEY'],
    ['teamA', 'one:viewer'],
    ['', 'one'],
    ['nobody', 'one'],
    ['__proto__', 'one'],
    ['constructor', 'one'],
  ] as const) {
    t.equal(keys.verify(tenant, secret), undefined, `${tenant}:${secret}`)
  }
})

t.test('a key of 256 characters is compared to its end, and a longer one is none', async (t) => {
  const long = '열'.repeat(255)
  const { verify } = createApiKeys(`teamC:${long}a`)
  t.match(verify('teamC', `${long}a`), { tenant: 'teamC' })
  for (const other of [`${long}b`, long, `${long}a\0`, `${long}a${long}`]) t.equal(verify('teamC', other), undefined)
})
